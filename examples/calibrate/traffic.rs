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
    fn share(&mut self) -> f64 {
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
    fn normal(&mut self) -> f64 {
        (-2.0 * self.share().ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

/// Who asks, and who of them mismatches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Population {
    /// The rate over all clients that there could be.
    pub(crate) rate: f64,
    /// The share of clients that see mismatches at all; they see them the more. 1: everybody alike.
    pub(crate) affected: f64,
    /// How many clients there are.
    pub(crate) clients: usize,
    /// Of all of them together, about.
    pub(crate) requests_a_day: u64,
    /// The standard deviation of the logarithm of a client's number of requests. 0: everybody the same.
    pub(crate) uneven: f64,
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

impl Traffic {
    /// Who there is in this run. Another seed, other clients.
    pub(crate) fn new(population: &Population, seed: u64) -> Traffic {
        let mut dice = Dice::new(seed);
        let mean = population.requests_a_day as f64 / population.clients as f64;
        let clients: Vec<Client> = (0..population.clients)
            .map(|_| {
                let size = (population.uneven * dice.normal() - population.uneven.powi(2) / 2.0).exp();
                let affected = dice.share() <= population.affected;
                Client {
                    requests: (mean * size).round().max(1.0) as u64,
                    rate: if affected { population.rate / population.affected } else { 0.0 },
                }
            })
            .collect();
        Traffic { counts: vec![(0, 0); clients.len()], clients, dice }
    }

    /// Another day.
    pub(crate) fn day(&mut self) {
        for (client, counts) in self.clients.iter().zip(&mut self.counts) {
            counts.0 += client.requests;
            counts.1 += self.dice.happen(client.requests, client.rate);
        }
    }
}
