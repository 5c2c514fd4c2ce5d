//! Orders and their payments.

use super::super::dice::{self, Dice};
use super::products::Product;
use super::{CUSTOMERS, Cents, FIRST_CUSTOMER, Moment};

/// Value-added tax in percent.
const TAX: i64 = 19;
/// Orders above this are shipped for nothing.
const FREE_SHIPPING: Cents = Cents(5_000);
/// What shipping costs below.
const SHIPPING: Cents = Cents(490);

/// So many of one product.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Line {
    pub(in crate::demo) sku: String,
    pub(in crate::demo) name: String,
    pub(in crate::demo) quantity: u32,
    pub(in crate::demo) unit: Cents,
}

impl Line {
    pub(in crate::demo) fn total(&self) -> Cents {
        Cents(self.unit.0 * i64::from(self.quantity))
    }
}

/// What an order costs. grand = subtotal - discount + shipping + tax.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::demo) struct Totals {
    pub(in crate::demo) subtotal: Cents,
    pub(in crate::demo) discount: Cents,
    pub(in crate::demo) shipping: Cents,
    pub(in crate::demo) tax: Cents,
    pub(in crate::demo) grand: Cents,
}

impl Totals {
    pub(in crate::demo) fn of(lines: &[Line], discount_percent: i64) -> Totals {
        let subtotal: Cents = lines.iter().map(Line::total).sum();
        let discount = subtotal.percent(discount_percent);
        let shipping = if subtotal > FREE_SHIPPING { Cents(0) } else { SHIPPING };
        let net = Cents(subtotal.0 - discount.0 + shipping.0);
        let tax = net.percent(TAX);
        Totals { subtotal, discount, shipping, tax, grand: Cents(net.0 + tax.0) }
    }
}

/// Something that was bought.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Order {
    pub(in crate::demo) id: u32,
    pub(in crate::demo) customer: u32,
    pub(in crate::demo) status: &'static str,
    pub(in crate::demo) lines: Vec<Line>,
    pub(in crate::demo) totals: Totals,
    pub(in crate::demo) note: Option<&'static str>,
    pub(in crate::demo) created: Moment,
    pub(in crate::demo) shipped: Option<Moment>,
    pub(in crate::demo) version: u32,
}

impl Order {
    pub(super) fn make(id: u32, products: &[Product]) -> Order {
        let mut dice = Dice::new("order", id);
        let first = dice.below(products.len() as u32) as usize;
        let lines: Vec<Line> = (0..dice.between(1, 4) as usize)
            .map(|n| &products[(first + n * 17) % products.len()])
            .map(|p| Line { sku: p.sku.clone(), name: p.name.clone(), quantity: dice.between(1, 5), unit: p.price })
            .collect();
        let created = dice.below(86_400 * 160);
        let status = dice.pick(&["paid", "shipped", "delivered", "returned"]);
        Order {
            id,
            customer: FIRST_CUSTOMER + dice.below(CUSTOMERS),
            status,
            totals: Totals::of(&lines, i64::from(dice.below(4) * 5)),
            lines,
            note: (dice.below(3) == 0).then_some("Bitte beim Nachbarn (Çelik, 2. OG) abgeben"),
            created: Moment::local(created),
            shipped: (status != "paid").then(|| Moment::local(created + dice.between(3_600, 260_000))),
            version: dice.between(1, 9),
        }
    }

    /// What a new order of these lines would be. Nothing is kept: its number is made of its content.
    pub(in crate::demo) fn draft(customer: u32, lines: Vec<Line>) -> Order {
        let content: String = lines.iter().map(|l| format!("{}x{};", l.sku, l.quantity)).collect();
        Order {
            id: 90_000 + (dice::hash(&format!("{customer}:{content}")) % 10_000) as u32,
            customer,
            status: "new",
            totals: Totals::of(&lines, 0),
            lines,
            note: None,
            created: Moment::local(86_400 * 170),
            shipped: None,
            version: 1,
        }
    }

    /// Its entity tag.
    pub(in crate::demo) fn etag(&self) -> String {
        format!("\"order-{}-v{}\"", self.id, self.version)
    }

    /// How it was paid.
    pub(in crate::demo) fn payment(&self) -> Payment {
        let mut dice = Dice::new("payment", self.id);
        Payment {
            id: format!("pay-{}", self.id),
            // Larger than the integers that a double can hold, and odd, so that none of them survives one.
            ledger_entry: 10_000_000_000_000_000_000 + u64::from(dice.below(1 << 30)) * 1_000 + 999,
            method: dice.pick(&["card", "paypal", "invoice", "sepa"]),
            last4: format!("{:04}", dice.below(10_000)),
            amount: self.totals.grand,
            captured: self.created,
        }
    }
}

/// One payment of one order.
#[derive(Debug, Clone)]
pub(in crate::demo) struct Payment {
    pub(in crate::demo) id: String,
    pub(in crate::demo) ledger_entry: u64,
    pub(in crate::demo) method: &'static str,
    pub(in crate::demo) last4: String,
    pub(in crate::demo) amount: Cents,
    pub(in crate::demo) captured: Moment,
}
