//! Traffic that never was, with a true rate that is known: how many of each client's requests mismatch, day by day.

/// A sequence of throws (SplitMix64; Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Dice(u64);

impl Dice {
    /// The sequence that belongs to a number.
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0, up to 1.
    pub(crate) fn share(&mut self) -> f64 {
        ((self.throw() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// How many of `n` happen at the rate `p`, each by itself: from one to the next by a geometric distance.
    pub(crate) fn happen(&mut self, n: u64, p: f64) -> u64 {
        if p <= 0.0 || n == 0 {
            return 0;
        }
        if p >= 1.0 {
            return n;
        }
        let (mut at, mut k) = (0.0, 0);
        loop {
            at += (self.share().ln() / (-p).ln_1p()).floor() + 1.0;
            if at > n as f64 {
                return k;
            }
            k += 1;
        }
    }

    /// Normally distributed (Box and Muller, 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * self.share().ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }

    /// Gamma-distributed with that shape (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = self.share().powf(1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.share().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }

    /// Beta-distributed.
    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        x / (x + y)
    }
}

/// How the mismatches lie on clients.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Spread {
    /// Everybody has the same rate.
    Alike,
    /// A defect that this share of the clients sees, these the more.
    Affected(f64),
    /// Each has a rate of its own, from a beta distribution whose intracluster correlation is this.
    Beta(f64),
}

/// How requests lie on clients.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sizes {
    /// Everybody asks as often.
    Even,
    /// By a log-normal distribution with this deviation of the logarithm.
    LogNormal(f64),
    /// The n-th asks 1 / n times as often as the first (Zipf).
    Zipf,
}

/// Who asks, and who of them mismatches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Population {
    /// The rate over all clients that there could be.
    pub(crate) rate: f64,
    pub(crate) spread: Spread,
    /// How many clients there are.
    pub(crate) clients: usize,
    /// Of all of them together, about.
    pub(crate) requests_a_day: u64,
    pub(crate) sizes: Sizes,
}

/// One client: requests a day and its own rate.
struct Client {
    requests: u64,
    rate: f64,
}

/// One run of it: each client's requests compared and mismatched so far.
pub(crate) struct Traffic {
    clients: Vec<Client>,
    /// Compared and mismatched, of each client.
    pub(crate) counts: Vec<(u64, u64)>,
    dice: Dice,
}

impl Population {
    fn requests_of(&self, client: usize, dice: &mut Dice) -> u64 {
        let mean = self.requests_a_day as f64 / self.clients as f64;
        let requests = match self.sizes {
            Sizes::Even => mean,
            Sizes::LogNormal(deviation) => mean * (deviation * dice.normal() - deviation.powi(2) / 2.0).exp(),
            Sizes::Zipf => {
                let all: f64 = (1..=self.clients).map(|n| 1.0 / n as f64).sum();
                self.requests_a_day as f64 / all / (client + 1) as f64
            }
        };
        requests.round().max(1.0) as u64
    }

    fn rate_of_one(&self, dice: &mut Dice) -> f64 {
        match self.spread {
            Spread::Alike => self.rate,
            Spread::Affected(share) => {
                if dice.share() <= share {
                    self.rate / share
                } else {
                    0.0
                }
            }
            Spread::Beta(correlation) => {
                let sum = 1.0 / correlation - 1.0;
                dice.beta(self.rate * sum, (1.0 - self.rate) * sum)
            }
        }
    }
}

impl Traffic {
    /// Who there is in this run. Another seed, other clients.
    pub(crate) fn new(population: &Population, seed: u64) -> Traffic {
        let mut dice = Dice::new(seed);
        let clients: Vec<Client> = (0..population.clients)
            .map(|n| Client { requests: population.requests_of(n, &mut dice), rate: population.rate_of_one(&mut dice) })
            .collect();
        Traffic { counts: vec![(0, 0); clients.len()], clients, dice }
    }

    /// So many more days.
    pub(crate) fn days(&mut self, days: u64) {
        for (client, counts) in self.clients.iter().zip(&mut self.counts) {
            let requests = client.requests * days;
            counts.0 += requests;
            counts.1 += self.dice.happen(requests, client.rate);
        }
    }
}
