//! What the candidate answers, as types: one for each document, members in alphabetical order.

use serde::Serialize;
use serde_json::Number;

use crate::demo::data::{Cents, Customer, Data, Line, Notification, Order, Product};

const EURO: &str = "EUR";

/// An amount with two decimals, always. None is not reachable: such a text is a number.
fn decimal(cents: Cents) -> Option<Number> {
    format!("{}.{:02}", cents.0 / 100, cents.0 % 100).parse().ok()
}

#[derive(Serialize)]
pub(super) struct Price {
    amount: Option<Number>,
    currency: &'static str,
}

impl Price {
    fn of(product: &Product) -> Price {
        Price { amount: decimal(product.price), currency: EURO }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductView<'a> {
    category: &'a str,
    created_at: String,
    description: &'a str,
    dimensions: Dimensions,
    id: u32,
    links: Links,
    name: &'a str,
    price: Price,
    rating: Option<Number>,
    sku: &'a str,
    stock: Stock<'a>,
    tags: &'a [&'static str],
    updated_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dimensions {
    depth_mm: u32,
    height_mm: u32,
    weight_grams: u32,
    width_mm: u32,
}

#[derive(Serialize)]
struct Links {
    image: String,
    #[serde(rename = "self")]
    itself: String,
}

#[derive(Serialize)]
struct Stock<'a> {
    available: u32,
    reserved: u32,
    warehouse: &'a str,
}

impl<'a> ProductView<'a> {
    pub(super) fn of(p: &'a Product) -> ProductView<'a> {
        let [width_mm, height_mm, depth_mm] = p.size;
        ProductView {
            category: p.category,
            created_at: p.created.text(),
            description: &p.description,
            dimensions: Dimensions { depth_mm, height_mm, weight_grams: p.weight_grams, width_mm },
            id: p.number + 1,
            links: Links { image: format!("/products/{}/image", p.sku), itself: format!("/products/{}", p.sku) },
            name: &p.name,
            price: Price::of(p),
            rating: p.rating.and_then(|tenths| decimal(Cents(i64::from(tenths) * 10))),
            sku: &p.sku,
            stock: Stock { available: p.available, reserved: p.reserved, warehouse: p.warehouse },
            tags: &p.tags,
            updated_at: p.updated.text(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    image: String,
    in_stock: bool,
    name: &'a str,
    price: Price,
    sku: &'a str,
    tags: &'a [&'static str],
}

impl<'a> Summary<'a> {
    fn of(p: &'a Product) -> Summary<'a> {
        let image = format!("/products/{}/image", p.sku);
        Summary {
            image,
            in_stock: p.reserved < p.available,
            name: &p.name,
            price: Price::of(p),
            sku: &p.sku,
            tags: &p.tags,
        }
    }
}

#[derive(Serialize)]
pub(super) struct ListView<'a> {
    category: Option<String>,
    items: Vec<Summary<'a>>,
    page: usize,
    pages: usize,
    total: usize,
}

impl<'a> ListView<'a> {
    pub(super) fn of(data: &'a Data, category: Option<String>, sort: Option<&str>, page: usize) -> ListView<'a> {
        let (items, total, pages) = data.list(category.as_deref(), sort, page);
        ListView { category, items: items.into_iter().map(Summary::of).collect(), page, pages, total }
    }
}

#[derive(Serialize)]
pub(super) struct SearchView<'a> {
    hits: Vec<Hit<'a>>,
    query: String,
    total: usize,
}

#[derive(Serialize)]
struct Hit<'a> {
    product: Summary<'a>,
    score: Option<Number>,
}

impl<'a> SearchView<'a> {
    /// Hits that one answer shows.
    const SHOWN: usize = 8;

    pub(super) fn of(data: &'a Data, query: String) -> SearchView<'a> {
        let found = data.search(&query);
        let total = found.len();
        let hit = |(p, score): (&'a Product, u32)| Hit { product: Summary::of(p), score: decimal(Cents(score.into())) };
        SearchView { hits: found.into_iter().take(Self::SHOWN).map(hit).collect(), query, total }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomerView<'a> {
    address: AddressView<'a>,
    customer_since: String,
    email: &'a str,
    id: u32,
    loyalty: Loyalty<'a>,
    name: &'a str,
    newsletter: bool,
    phone: Option<&'a str>,
}

#[derive(Serialize)]
struct AddressView<'a> {
    city: &'a str,
    country: &'a str,
    postcode: &'a str,
    street: &'a str,
}

#[derive(Serialize)]
struct Loyalty<'a> {
    points: u32,
    tier: &'a str,
}

impl<'a> CustomerView<'a> {
    /// The customer, with the changes that a request asks for.
    pub(super) fn of(c: &'a Customer, name: Option<&'a str>, newsletter: Option<bool>) -> CustomerView<'a> {
        let a = &c.address;
        CustomerView {
            address: AddressView { city: a.city, country: a.country, postcode: a.postcode, street: &a.street },
            customer_since: c.since.text(),
            email: &c.email,
            id: c.id,
            loyalty: Loyalty { points: c.points, tier: c.tier },
            name: name.unwrap_or(&c.name),
            newsletter: newsletter.unwrap_or(c.newsletter),
            phone: c.phone.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryView {
    count: usize,
    currency: &'static str,
    customer_id: u32,
    orders: Vec<HistoryEntry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryEntry {
    created_at: String,
    items: usize,
    order_id: u32,
    status: &'static str,
    total: Option<Number>,
}

impl HistoryView {
    pub(super) fn of(data: &Data, customer: &Customer) -> HistoryView {
        let entry = |o: &Order| HistoryEntry {
            created_at: o.created.text(),
            items: o.lines.len(),
            order_id: o.id,
            status: o.status,
            total: decimal(o.totals.grand),
        };
        let orders: Vec<HistoryEntry> = data.orders_of(customer.id).map(entry).collect();
        HistoryView { count: orders.len(), currency: EURO, customer_id: customer.id, orders }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderView<'a> {
    created_at: String,
    currency: &'static str,
    customer_id: u32,
    lines: Vec<LineView<'a>>,
    note: Option<&'a str>,
    order_id: u32,
    payment_id: String,
    ship_to: Option<ShipTo<'a>>,
    shipped_at: Option<String>,
    status: &'a str,
    totals: TotalsView,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LineView<'a> {
    line_total: Option<Number>,
    name: &'a str,
    quantity: u32,
    sku: &'a str,
    unit_price: Option<Number>,
}

#[derive(Serialize)]
struct ShipTo<'a> {
    #[serde(flatten)]
    address: AddressView<'a>,
    email: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct TotalsView {
    discount: Option<Number>,
    grand: Option<Number>,
    shipping: Option<Number>,
    subtotal: Option<Number>,
    tax: Option<Number>,
}

impl<'a> OrderView<'a> {
    pub(super) fn of(data: &'a Data, o: &'a Order) -> OrderView<'a> {
        let line = |l: &'a Line| LineView {
            line_total: decimal(l.total()),
            name: &l.name,
            quantity: l.quantity,
            sku: &l.sku,
            unit_price: decimal(l.unit),
        };
        let ship_to = data.customer(&o.customer.to_string()).map(|c| {
            let CustomerView { address, email, name, .. } = CustomerView::of(c, None, None);
            ShipTo { address, email, name }
        });
        OrderView {
            created_at: o.created.text(),
            currency: EURO,
            customer_id: o.customer,
            lines: o.lines.iter().map(line).collect(),
            note: o.note,
            order_id: o.id,
            payment_id: o.payment().id,
            ship_to,
            shipped_at: o.shipped.map(|s| s.text()),
            status: o.status,
            totals: TotalsView {
                discount: decimal(o.totals.discount),
                grand: decimal(o.totals.grand),
                shipping: decimal(o.totals.shipping),
                subtotal: decimal(o.totals.subtotal),
                tax: decimal(o.totals.tax),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PaymentView {
    amount: Option<Number>,
    captured_at: String,
    currency: &'static str,
    last4: Option<String>,
    ledger_entry: u64,
    method: &'static str,
    order_id: u32,
    payment_id: String,
    status: &'static str,
}

impl PaymentView {
    pub(super) fn of(order: &Order) -> PaymentView {
        let p = order.payment();
        PaymentView {
            amount: decimal(p.amount),
            captured_at: p.captured.text(),
            currency: EURO,
            last4: Some(p.last4).filter(|_| p.method == "card"),
            ledger_entry: p.ledger_entry,
            method: p.method,
            order_id: order.id,
            payment_id: p.id,
            status: "captured",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NotificationsView {
    customer_id: u32,
    notifications: Vec<NotificationView>,
    unread: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NotificationView {
    channel: &'static str,
    id: String,
    read: bool,
    sent_at: String,
    subject: &'static str,
}

impl NotificationsView {
    /// None where there are no notifications.
    pub(super) fn of(customer: &Customer) -> Option<NotificationsView> {
        let list = customer.notifications();
        let unread = list.iter().filter(|n| !n.read).count();
        let view = |n: Notification| {
            let Notification { id, channel, subject, read, sent } = n;
            NotificationView { channel, id, read, sent_at: sent.text(), subject }
        };
        let notifications: Vec<NotificationView> = list.into_iter().map(view).collect();
        (!notifications.is_empty()).then_some(NotificationsView { customer_id: customer.id, notifications, unread })
    }
}
