//! What is asked, how often, and in which order: seeded, so that every recording asks the same.

/// One request to be.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) endpoint: &'static str,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    /// Empty for methods without one.
    pub(crate) body: String,
}

/// Seeded chance (SplitMix64).
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number from 0 (included) to `bound` (excluded).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len() as u64) as usize]
    }
}

type Make = fn(&mut Chance) -> (String, String);

/// How often each endpoint is asked, and with what.
const ENDPOINTS: [(usize, &str, Make); 16] = [
    (210, "GET /products", |c| {
        let category = c.pick(&["", "tea", "coffee", "ceramics", "kitchen", "books", "garden"]);
        let sort = c.pick(&["", "price", "-price", "name"]);
        let page = 1 + c.below(if category.is_empty() { 11 } else { 3 });
        let filters = [("category=", category), ("sort=", sort)].map(|(key, value)| match value {
            "" => String::new(),
            _ => format!("&{key}{value}"),
        });
        (format!("/products?page={page}{}", filters.concat()), String::new())
    }),
    (640, "GET /products/{sku}", |c| (format!("/products/{}{}", sku(c, 126), referrer(c)), String::new())),
    (150, "HEAD /products/{sku}", |c| (format!("/products/{}", sku(c, 122)), String::new())),
    (190, "GET /products/{sku}/image", |c| (format!("/products/{}/image", sku(c, 120)), String::new())),
    (330, "GET /search", |c| {
        let words = c.pick(&[
            "tee",
            "Gr%C3%BCner+Tee",
            "caf%C3%A9",
            "bio",
            "vase+%C3%85land",
            "messer",
            "%E6%8A%B9%E8%8C%B6",
            "kochbuch",
            "geschenk+neu",
            "nichts",
            "gro%C3%9F",
            "espresso",
            "t%C3%A4ller",
            "gie%C3%9Fkanne",
        ]);
        (format!("/search?q={words}&from={}", c.below(40)), String::new())
    }),
    (250, "GET /customers/{id}", |c| (format!("/customers/{}", 501 + c.below(62)), String::new())),
    (230, "GET /customers/{id}/orders", |c| (format!("/customers/{}/orders", 501 + c.below(60)), String::new())),
    (620, "GET /orders/{id}", |c| (format!("/orders/{}", 10_001 + c.below(250)), String::new())),
    (150, "GET /orders/{id}/invoice.txt", |c| (format!("/orders/{}/invoice.txt", order(c)), String::new())),
    (190, "GET /payments/{id}", |c| (format!("/payments/pay-{}", order(c)), String::new())),
    (180, "GET /notifications", |c| (format!("/notifications?customer={}", 501 + c.below(60)), String::new())),
    (140, "GET /p/{sku}", |c| (format!("/p/{}", sku(c, 120)), String::new())),
    (70, "POST /orders", |c| {
        let lines: Vec<String> = (0..1 + c.below(3))
            .map(|_| format!(r#"{{"sku":"{}","quantity":{}}}"#, sku(c, 121), 1 + c.below(4)))
            .collect();
        ("/orders".into(), format!(r#"{{"customerId":{},"lines":[{}]}}"#, 501 + c.below(60), lines.join(",")))
    }),
    (30, "POST /payments", |c| ("/payments".into(), format!(r#"{{"orderId":{}}}"#, order(c)))),
    (20, "PUT /customers/{id}", |c| (format!("/customers/{}", 501 + c.below(60)), r#"{"newsletter":false}"#.into())),
    (20, "DELETE /notifications/{id}", |c| (format!("/notifications/ntf-{}-0", 501 + c.below(60)), String::new())),
];

/// Requests of the monitoring system.
const HEALTH_CHECKS: usize = 120;

/// A product's number; one past the catalogue's 120 names no product.
fn sku(chance: &mut Chance, bound: u64) -> String {
    let number = chance.below(bound) as usize;
    format!("{}-{}", ["TEE", "KAF", "KER", "KUE", "BUC", "GAR"][number % 6], 1_000 + number)
}

fn order(chance: &mut Chance) -> u64 {
    10_001 + chance.below(240)
}

/// Half of the visitors come from somewhere.
fn referrer(chance: &mut Chance) -> String {
    match chance.below(2) {
        0 => String::new(),
        _ => format!("?ref={}", chance.pick(&["mail", "search", "home", "p"])),
    }
}

/// The shoppers' requests, shuffled, and the monitoring system's.
pub(crate) fn plan() -> (Vec<Wanted>, Vec<Wanted>) {
    let mut chance = Chance::new(20_261_121);
    let mut all = Vec::new();
    for (count, endpoint, make) in ENDPOINTS {
        let method = endpoint.split(' ').next().unwrap_or("GET");
        for _ in 0..count {
            let (target, body) = make(&mut chance);
            all.push(Wanted { endpoint, method, target, body });
        }
    }
    for last in (1..all.len()).rev() {
        all.swap(last, chance.below(last as u64 + 1) as usize);
    }
    let health = Wanted { endpoint: "GET /health", method: "GET", target: "/health".into(), body: String::new() };
    (all, vec![health; HEALTH_CHECKS])
}
