//! Customers, and what they were told.

use super::super::dice::{self, Dice};
use super::Moment;
use super::words::{CITIES, FAMILY, GIVEN, STREETS};

/// Where somebody lives.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Address {
    pub(in crate::demo) street: String,
    pub(in crate::demo) postcode: &'static str,
    pub(in crate::demo) city: &'static str,
    /// ISO 3166-1 alpha-2.
    pub(in crate::demo) country: &'static str,
}

/// Somebody who buys.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Customer {
    pub(in crate::demo) id: u32,
    pub(in crate::demo) name: String,
    pub(in crate::demo) email: String,
    /// None: not given.
    pub(in crate::demo) phone: Option<String>,
    pub(in crate::demo) address: Address,
    pub(in crate::demo) points: u32,
    pub(in crate::demo) tier: &'static str,
    pub(in crate::demo) newsletter: bool,
    pub(in crate::demo) since: Moment,
}

impl Customer {
    pub(super) fn make(id: u32) -> Customer {
        let mut dice = Dice::new("customer", id);
        let (city, country, postcode) = CITIES[dice.below(CITIES.len() as u32) as usize];
        let points = dice.below(5_000);
        Customer {
            id,
            name: format!("{} {}", dice.pick(&GIVEN), dice.pick(&FAMILY)),
            email: format!("kunde{id}@shop.example"),
            phone: (dice.below(4) > 0).then(|| format!("+49 221 {}", dice.between(100_000, 999_999))),
            address: Address {
                street: format!("{} {}", dice.pick(&STREETS), dice.between(1, 180)),
                postcode,
                city,
                country,
            },
            points,
            tier: match points {
                0..1000 => "basis",
                1000..3000 => "silber",
                _ => "gold",
            },
            newsletter: dice.below(2) == 0,
            since: Moment::utc(dice.below(86_400 * 30)),
        }
    }

    /// The visitor cookie: made of the id, so that every implementation sets the same one.
    pub(in crate::demo) fn cookie(&self) -> String {
        format!("visitor={:016x}; Path=/; HttpOnly; SameSite=Lax", dice::hash(&self.email))
    }

    /// What they were told, newest first; some were never told anything.
    pub(in crate::demo) fn notifications(&self) -> Vec<Notification> {
        let mut dice = Dice::new("notification", self.id);
        let count = dice.below(6);
        let mut sent = 86_400 * 150;
        (0..count)
            .map(|n| {
                sent -= dice.below(86_400 * 20);
                Notification {
                    id: format!("ntf-{}-{n}", self.id),
                    channel: dice.pick(&["email", "push", "sms"]),
                    subject: dice.pick(&["Ihre Bestellung ist unterwegs", "Rechnung verfügbar", "10 % für Sie ✨"]),
                    read: dice.below(2) == 0,
                    sent: Moment::utc(sent),
                }
            })
            .collect()
    }
}

/// One message to a customer.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Notification {
    pub(in crate::demo) id: String,
    pub(in crate::demo) channel: &'static str,
    pub(in crate::demo) subject: &'static str,
    pub(in crate::demo) read: bool,
    pub(in crate::demo) sent: Moment,
}
