//! What the shop sells and to whom: made up, the same at every start, without randomness or a clock.

mod image;
mod orders;
mod people;
mod products;
mod words;

use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::tz::Offset;

pub(super) use image::encode as recompressed;
pub(super) use orders::{Line, Order};
pub(super) use people::{Address, Customer, Notification};
pub(super) use products::Product;

/// The number of the first order.
pub(super) const FIRST_ORDER: u32 = 10_001;
/// How many orders there are.
pub(super) const ORDERS: u32 = 240;
/// The number of the first customer.
pub(super) const FIRST_CUSTOMER: u32 = 501;
/// How many customers there are.
pub(super) const CUSTOMERS: u32 = 60;
/// How many products there are.
pub(super) const PRODUCTS: u32 = 120;
/// Products on one page of a list.
pub(super) const PAGE: usize = 12;

/// An amount of money in euro cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Cents(pub(super) i64);

impl Cents {
    /// A share of it in percent, rounded half up as the law on invoices has it.
    pub(super) fn percent(self, percent: i64) -> Cents {
        Cents((self.0 * percent + 50).div_euclid(100))
    }
}

impl std::iter::Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(amounts: I) -> Cents {
        Cents(amounts.map(|c| c.0).sum())
    }
}

/// A moment as a wall clock in some zone shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since the Unix epoch.
    pub(super) seconds: i64,
    /// The zone's distance from UTC in whole hours.
    pub(super) zone: i8,
}

/// 2026-01-05 07:00 UTC, when the shop's history begins.
const OPENING: i64 = 1_767_596_400;

impl Moment {
    /// So many seconds after the opening, on the shop's own clock: CET, or CEST from 29 March 2026 on.
    pub(super) fn local(after_opening: u32) -> Moment {
        const SUMMER: i64 = 1_774_746_000;
        let seconds = OPENING + i64::from(after_opening);
        Moment { seconds, zone: if seconds >= SUMMER { 2 } else { 1 } }
    }

    /// So many seconds after the opening, in UTC.
    pub(super) fn utc(after_opening: u32) -> Moment {
        Moment { seconds: OPENING + i64::from(after_opening), zone: 0 }
    }

    /// RFC 3339 with the zone's offset, `Z` for UTC.
    pub(super) fn text(self) -> String {
        let Ok(time) = Timestamp::from_second(self.seconds) else { return String::new() };
        match Offset::from_hours(self.zone) {
            Ok(offset) if self.zone != 0 => time.display_with_offset(offset).to_string(),
            _ => time.to_string(),
        }
    }
}

/// Everything the shop knows.
pub(super) struct Data {
    pub(super) products: Vec<Product>,
    pub(super) customers: Vec<Customer>,
    pub(super) orders: Vec<Order>,
}

impl Data {
    /// The one and only.
    pub(super) fn get() -> &'static Data {
        static DATA: OnceLock<Data> = OnceLock::new();
        DATA.get_or_init(|| {
            let products: Vec<Product> = (0..PRODUCTS).map(Product::make).collect();
            let customers = (FIRST_CUSTOMER..FIRST_CUSTOMER + CUSTOMERS).map(Customer::make).collect();
            let orders = (FIRST_ORDER..FIRST_ORDER + ORDERS).map(|id| Order::make(id, &products)).collect();
            Data { products, customers, orders }
        })
    }

    pub(super) fn product(&self, sku: &str) -> Option<&Product> {
        self.products.iter().find(|p| p.sku == sku)
    }

    pub(super) fn customer(&self, id: &str) -> Option<&Customer> {
        let id: u32 = id.parse().ok()?;
        self.customers.iter().find(|c| c.id == id)
    }

    pub(super) fn order(&self, id: &str) -> Option<&Order> {
        let id: u32 = id.parse().ok()?;
        self.orders.iter().find(|o| o.id == id)
    }

    pub(super) fn orders_of(&self, customer: u32) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(move |o| o.customer == customer)
    }

    /// The order that a payment belongs to, by the payment's id.
    pub(super) fn paid_by(&self, payment: &str) -> Option<&Order> {
        self.orders.iter().find(|o| o.payment().id == payment)
    }

    /// A page of the catalogue: the products on it, how many there are in all, and how many pages.
    pub(super) fn list(
        &self,
        category: Option<&str>,
        sort: Option<&str>,
        page: usize,
    ) -> (Vec<&Product>, usize, usize) {
        let mut found: Vec<&Product> =
            self.products.iter().filter(|p| category.is_none_or(|c| p.category == c)).collect();
        match sort {
            Some("price") => found.sort_by_key(|p| p.price),
            Some("-price") => found.sort_by_key(|p| std::cmp::Reverse(p.price)),
            Some("name") => found.sort_by(|a, b| a.name.cmp(&b.name)),
            _ => {}
        }
        let (total, pages) = (found.len(), found.len().div_ceil(PAGE));
        let on_page = found.into_iter().skip(page.saturating_sub(1).saturating_mul(PAGE)).take(PAGE).collect();
        (on_page, total, pages)
    }

    /// Products whose name, tags or category hold the words, best first, each with its score in hundredths.
    pub(super) fn search(&self, query: &str) -> Vec<(&Product, u32)> {
        let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
        let mut found: Vec<(&Product, u32)> =
            self.products.iter().map(|p| (p, p.score(&words))).filter(|(_, score)| *score > 0).collect();
        found.sort_by_key(|(p, score)| (std::cmp::Reverse(*score), p.number));
        found
    }
}

/// An invoice as text; both implementations print the same template.
pub(super) fn invoice(order: &Order, customer: Option<&Customer>) -> String {
    let euro = |c: Cents| format!("{}.{:02}", c.0 / 100, c.0 % 100);
    let mut text = format!("INVOICE {}\n{}\n\n", order.id, order.created.text());
    if let Some(customer) = customer {
        let Address { street, postcode, city, country } = &customer.address;
        text += &format!("{}\n{street}\n{postcode} {city}\n{country}\n\n", customer.name);
    }
    for line in &order.lines {
        text += &format!("{:>3} x {:<10} {:>10}\n", line.quantity, line.sku, euro(line.total()));
    }
    let totals = &order.totals;
    for (label, amount) in [
        ("Subtotal", totals.subtotal),
        ("Discount", totals.discount),
        ("Shipping", totals.shipping),
        ("Tax 19 %", totals.tax),
        ("Total EUR", totals.grand),
    ] {
        text += &format!("{label:<16} {:>10}\n", euro(amount));
    }
    text + "\nThank you · Danke · Merci · Dziękujemy\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_with_their_zone() {
        assert_eq!(Moment::utc(0).text(), "2026-01-05T07:00:00Z");
        assert_eq!(Moment::local(0).text(), "2026-01-05T08:00:00+01:00");
        assert_eq!(Moment::local(86_400 * 90).text(), "2026-04-05T09:00:00+02:00");
    }

    #[test]
    fn percentages_are_rounded_half_up() {
        assert_eq!(Cents(50).percent(19), Cents(10));
        assert_eq!(Cents(1000).percent(19), Cents(190));
        assert_eq!(Cents(1002).percent(19), Cents(190));
        assert_eq!(Cents(1003).percent(19), Cents(191));
    }

    #[test]
    fn every_sku_is_there_once_and_pages_hold_every_product_once() {
        let data = Data::get();
        let mut skus: Vec<_> =
            (1..=20).flat_map(|page| data.list(None, Some("price"), page).0).map(|p| &p.sku).collect();
        skus.sort();
        skus.dedup();
        assert_eq!(skus.len(), PRODUCTS as usize);
        assert_eq!(data.list(None, None, usize::MAX).0.len(), 0);
    }
}
