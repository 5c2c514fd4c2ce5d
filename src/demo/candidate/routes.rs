//! Which request is answered by which view.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::views::{
    CustomerView, HistoryView, ListView, NotificationsView, OrderView, PaymentView, ProductView, SearchView,
};
use super::{Content, Draft};
use crate::demo::ask::Ask;
use crate::demo::data::{Customer, Data, Line, Order, Product, invoice};
use crate::demo::reply::Reply;

const NO_STORE: &str = "no-store";
const PRIVATE: &str = "private, no-cache";

/// The answer, and under which path template it is known.
pub(super) fn route(ask: &Ask, data: &Data) -> Draft {
    let segments = ask.segments();
    let reading = matches!(ask.method.as_str(), "GET" | "HEAD");
    let found = if reading { read(ask, data, &segments) } else { write(ask, data, &segments) };
    let (template, answered) = found.unwrap_or(("/**", Err(Refused::NoSuch("route"))));
    let (content, reply) = answered.unwrap_or_else(|refused| refused.answer(ask));
    Draft { template, content, reply }
}

type Answered = Result<(Content, Reply), Refused>;

/// Why a request is not answered with what it asks for.
enum Refused {
    NoSuch(&'static str),
    Bad(&'static str),
}

impl Refused {
    fn answer(self, ask: &Ask) -> (Content, Reply) {
        let (status, error) = match self {
            Refused::NoSuch(what) => {
                (404, json!({ "code": "not_found", "message": format!("no such {what}"), "path": ask.uri.path() }))
            }
            Refused::Bad(message) => (400, json!({ "code": "bad_request", "message": message })),
        };
        document(status, NO_STORE, &json!({ "error": error }))
    }
}

fn read(ask: &Ask, data: &Data, segments: &[&str]) -> Option<(&'static str, Answered)> {
    let product = |sku| data.product(sku).ok_or(Refused::NoSuch("product"));
    let customer = |id| data.customer(id).ok_or(Refused::NoSuch("customer"));
    let order = |id| data.order(id).ok_or(Refused::NoSuch("order"));
    Some(match *segments {
        ["health"] => ("/health", Ok(plain_text(NO_STORE, "ok\n".to_owned()))),
        ["products"] => ("/products", Ok(list(ask, data))),
        ["products", sku] => {
            ("/products/{sku}", product(sku).map(|p| tagged(ask, "public, max-age=60", &p.etag(), &ProductView::of(p))))
        }
        ["products", sku, "image"] => ("/products/{sku}/image", product(sku).map(image)),
        ["p", sku] => ("/p/{sku}", Ok(moved(sku))),
        ["search"] => ("/search", search(ask, data)),
        ["customers", id] => ("/customers/{id}", customer(id).map(show_customer)),
        ["customers", id, "orders"] => {
            ("/customers/{id}/orders", customer(id).map(|c| document(200, PRIVATE, &HistoryView::of(data, c))))
        }
        ["orders", id] => ("/orders/{id}", order(id).map(|o| tagged(ask, PRIVATE, &o.etag(), &OrderView::of(data, o)))),
        ["orders", id, "invoice.txt"] => (
            "/orders/{id}/invoice.txt",
            order(id).map(|o| plain_text(PRIVATE, invoice(o, data.customer(&o.customer.to_string())))),
        ),
        ["payments", id] => (
            "/payments/{id}",
            match data.paid_by(id) {
                Some(order) => Ok(document(200, NO_STORE, &PaymentView::of(order))),
                None => Err(Refused::NoSuch("payment")),
            },
        ),
        ["notifications"] => ("/notifications", notifications(ask, data)),
        _ => return None,
    })
}

fn write(ask: &Ask, data: &Data, segments: &[&str]) -> Option<(&'static str, Answered)> {
    Some(match (ask.method.as_str(), segments) {
        ("POST", ["orders"]) => ("/orders", create_order(ask, data)),
        ("POST", ["payments"]) => ("/payments", create_payment(ask, data)),
        ("PUT", ["customers", id]) => (
            "/customers/{id}",
            match data.customer(id) {
                Some(customer) => update_customer(ask, customer),
                None => Err(Refused::NoSuch("customer")),
            },
        ),
        ("DELETE", ["notifications", _]) => {
            ("/notifications/{id}", Ok((Content::Nothing, Reply { status: 204, ..Reply::default() })))
        }
        _ => return None,
    })
}

fn document(status: u16, cache: &str, view: &impl Serialize) -> (Content, Reply) {
    let mut reply = Reply { status, ..Reply::default() };
    reply.set("cache-control", cache);
    reply.set("content-type", "application/json; charset=utf-8");
    reply.set("vary", "Accept-Encoding");
    // Views have text keys only, so making a document of one does not fail.
    (Content::Json(serde_json::to_value(view).unwrap_or_default()), reply)
}

fn tagged(ask: &Ask, cache: &str, etag: &str, view: &impl Serialize) -> (Content, Reply) {
    let (mut content, mut reply) = document(200, cache, view);
    reply.set("etag", etag);
    if ask.already_has(etag) {
        reply.status = 304;
        reply.remove("content-type");
        content = Content::Nothing;
    }
    (content, reply)
}

fn plain_text(cache: &str, text: String) -> (Content, Reply) {
    let mut reply = Reply { status: 200, ..Reply::default() };
    reply.set("cache-control", cache);
    reply.set("content-type", "text/plain; charset=utf-8");
    (Content::Text(text), reply)
}

fn image(product: &Product) -> (Content, Reply) {
    let mut reply = Reply { status: 200, ..Reply::default() };
    reply.set("cache-control", "public, max-age=86400");
    reply.set("content-type", "image/png");
    reply.set("etag", product.etag());
    (Content::Image(product.image()), reply)
}

fn moved(sku: &str) -> (Content, Reply) {
    let mut reply = Reply { status: 301, ..Reply::default() };
    reply.set("cache-control", "public, max-age=3600");
    reply.set("location", format!("/products/{sku}"));
    (Content::Nothing, reply)
}

fn list(ask: &Ask, data: &Data) -> (Content, Reply) {
    let page = ask.parameter("page").and_then(|p| p.parse().ok()).unwrap_or(1);
    let sort = ask.parameter("sort");
    document(200, "public, max-age=30", &ListView::of(data, ask.parameter("category"), sort.as_deref(), page))
}

fn search(ask: &Ask, data: &Data) -> Answered {
    let query =
        ask.parameter("q").filter(|q| !q.trim().is_empty()).ok_or(Refused::Bad("the parameter q is missing"))?;
    Ok(document(200, "public, max-age=10", &SearchView::of(data, query)))
}

fn show_customer(customer: &Customer) -> (Content, Reply) {
    let (content, mut reply) = document(200, PRIVATE, &CustomerView::of(customer, None, None));
    reply.set("set-cookie", customer.cookie());
    (content, reply)
}

fn notifications(ask: &Ask, data: &Data) -> Answered {
    let customer = ask.parameter("customer").and_then(|id| data.customer(&id));
    let customer = customer.ok_or(Refused::Bad("the parameter customer names nobody"))?;
    Ok(match NotificationsView::of(customer) {
        Some(view) => document(200, NO_STORE, &view),
        None => {
            let mut reply = Reply { status: 204, ..Reply::default() };
            reply.set("cache-control", NO_STORE);
            (Content::Nothing, reply)
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    customer_id: u32,
    lines: Vec<NewLine>,
}

#[derive(Deserialize)]
struct NewLine {
    sku: String,
    quantity: u32,
}

fn create_order(ask: &Ask, data: &Data) -> Answered {
    const NEEDED: Refused = Refused::Bad("a known customerId and lines with sku and quantity (1 to 99) are needed");
    let wanted: Value = serde_json::from_slice(&ask.body).map_err(|_| Refused::Bad("the body is not JSON"))?;
    let wanted: NewOrder = serde_json::from_value(wanted).map_err(|_| NEEDED)?;
    let customer = data.customer(&wanted.customer_id.to_string()).ok_or(NEEDED)?;
    let line = |l: &NewLine| {
        let product = data.product(&l.sku).filter(|_| (1..=99).contains(&l.quantity))?;
        let (sku, name) = (product.sku.clone(), product.name.clone());
        Some(Line { sku, name, quantity: l.quantity, unit: product.price })
    };
    let lines: Option<Vec<Line>> = wanted.lines.iter().map(line).collect();
    let order = Order::draft(customer.id, lines.filter(|l| !l.is_empty()).ok_or(NEEDED)?);
    let (content, mut reply) = document(201, NO_STORE, &OrderView::of(data, &order));
    reply.set("location", format!("/orders/{}", order.id));
    Ok((content, reply))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewPayment {
    order_id: u32,
}

fn create_payment(ask: &Ask, data: &Data) -> Answered {
    let wanted = serde_json::from_slice::<NewPayment>(&ask.body).ok();
    let order =
        wanted.and_then(|w| data.order(&w.order_id.to_string())).ok_or(Refused::Bad("orderId names no order"))?;
    let (content, mut reply) = document(201, NO_STORE, &PaymentView::of(order));
    reply.set("location", format!("/payments/{}", order.payment().id));
    Ok((content, reply))
}

fn update_customer(ask: &Ask, customer: &Customer) -> Answered {
    let Ok(Value::Object(changes)) = serde_json::from_slice(&ask.body) else {
        return Err(Refused::Bad("the body is not a JSON object"));
    };
    let name = changes.get("name").and_then(Value::as_str);
    let newsletter = changes.get("newsletter").and_then(Value::as_bool);
    Ok(document(200, PRIVATE, &CustomerView::of(customer, name, newsletter)))
}
