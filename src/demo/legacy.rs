//! The monolith: everything in one file, one `match`, as grown over the years.
//!
//! It streams search results in chunks, packs with gzip what is worth it, prints amounts without trailing zeros, and
//! takes its time.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::Method;
use serde_json::{Number, Value, json};

use super::ask::Ask;
use super::data::{Cents, Customer, Data, Line, Order, Product, invoice};
use super::dice;
use super::reply::Reply;

/// From how many bytes on an answer is packed.
const WORTH_PACKING: usize = 256;

/// Answers a request.
pub(super) fn answer(ask: &Ask) -> Reply {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let mut reply = route(ask, Data::get());
    pack(ask, &mut reply);
    reply.set("server", "ShopMonolith/3.14");
    reply.set("x-request-id", format!("{:08x}", ASKED.fetch_add(1, Ordering::Relaxed)));
    reply.takes = service_time(ask);
    reply
}

/// From 6 to 25 ms, most of it near the lower end, always the same for the same request.
fn service_time(ask: &Ask) -> Duration {
    let share = dice::share(&ask.line());
    Duration::from_micros(6_000 + (19_000.0 * share.powi(3)) as u64)
}

fn route(ask: &Ask, data: &Data) -> Reply {
    let segments = ask.segments();
    if matches!(ask.method, Method::GET | Method::HEAD) {
        return read(ask, data, &segments);
    }
    match (ask.method.as_str(), &segments[..]) {
        ("POST", ["orders"]) => create_order(ask, data),
        ("POST", ["payments"]) => create_payment(ask, data),
        ("PUT", ["customers", id]) => match data.customer(id) {
            Some(customer) => update_customer(ask, customer),
            None => not_found(ask, "customer"),
        },
        ("DELETE", ["notifications", _]) => Reply { status: 204, ..Reply::default() },
        _ => not_found(ask, "route"),
    }
}

fn read(ask: &Ask, data: &Data, segments: &[&str]) -> Reply {
    match *segments {
        ["health"] => text("no-store", "ok\n".to_owned()),
        ["products"] => products(ask, data),
        ["products", sku] => match data.product(sku) {
            Some(product) => tagged(ask, "public, max-age=60", &product.etag(), || product_json(product)),
            None => not_found(ask, "product"),
        },
        ["products", sku, "image"] => match data.product(sku) {
            Some(product) => image(product),
            None => not_found(ask, "product"),
        },
        ["p", sku] => redirect(sku),
        ["search"] => search(ask, data),
        ["customers", id] => match data.customer(id) {
            Some(customer) => {
                let mut reply = json(200, "private, no-cache", &customer_json(customer));
                reply.set("set-cookie", customer.cookie());
                reply
            }
            None => not_found(ask, "customer"),
        },
        ["customers", id, "orders"] => match data.customer(id) {
            Some(customer) => json(200, "private, no-cache", &orders_json(data, customer)),
            None => not_found(ask, "customer"),
        },
        ["orders", id] => match data.order(id) {
            Some(order) => tagged(ask, "private, no-cache", &order.etag(), || order_json(order, data)),
            None => not_found(ask, "order"),
        },
        ["orders", id, "invoice.txt"] => match data.order(id) {
            Some(order) => text("private, no-cache", invoice(order, data.customer(&order.customer.to_string()))),
            None => not_found(ask, "order"),
        },
        ["payments", id] => match data.paid_by(id) {
            Some(order) => json(200, "no-store", &payment_json(order)),
            None => not_found(ask, "payment"),
        },
        ["notifications"] => notifications(ask, data),
        _ => not_found(ask, "route"),
    }
}

fn amount(cents: Cents) -> Value {
    let text = format!("{}.{:02}", cents.0 / 100, cents.0 % 100);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.parse::<Number>().map_or(Value::Null, Value::Number)
}

fn json(status: u16, cache: &str, body: &Value) -> Reply {
    let mut reply = Reply { status, body: body.to_string().into(), ..Reply::default() };
    reply.set("content-type", "application/json; charset=utf-8");
    reply.set("cache-control", cache);
    reply.set("vary", "Accept-Encoding");
    reply
}

fn text(cache: &str, body: String) -> Reply {
    let mut reply = Reply { status: 200, body: body.into(), ..Reply::default() };
    reply.set("content-type", "text/plain; charset=utf-8");
    reply.set("cache-control", cache);
    reply
}

fn not_found(ask: &Ask, what: &str) -> Reply {
    let error =
        json!({ "error": { "code": "not_found", "message": format!("no such {what}"), "path": ask.uri.path() } });
    json(404, "no-store", &error)
}

fn bad_request(message: &str) -> Reply {
    json(400, "no-store", &json!({ "error": { "code": "bad_request", "message": message } }))
}

/// An answer with an entity tag, or 304 where the client has it already.
fn tagged(ask: &Ask, cache: &str, etag: &str, body: impl FnOnce() -> Value) -> Reply {
    let mut reply = if ask.already_has(etag) {
        let mut reply = Reply { status: 304, ..Reply::default() };
        reply.set("cache-control", cache);
        reply.set("vary", "Accept-Encoding");
        reply
    } else {
        json(200, cache, &body())
    };
    reply.set("etag", etag);
    reply
}

fn image(product: &Product) -> Reply {
    let mut reply = Reply { status: 200, body: product.image(), ..Reply::default() };
    reply.set("content-type", "image/png");
    reply.set("cache-control", "public, max-age=86400");
    reply.set("etag", product.etag());
    reply
}

fn redirect(sku: &str) -> Reply {
    let mut reply = Reply { status: 301, ..Reply::default() };
    reply.set("location", format!("/products/{sku}"));
    reply.set("cache-control", "public, max-age=3600");
    reply
}

fn product_json(p: &Product) -> Value {
    let [width, height, depth] = p.size;
    json!({
        "id": p.number + 1,
        "sku": p.sku,
        "name": p.name,
        "category": p.category,
        "description": p.description,
        "price": { "amount": amount(p.price), "currency": "EUR" },
        "tags": p.tags,
        "stock": { "available": p.available, "reserved": p.reserved, "warehouse": p.warehouse },
        "dimensions": { "widthMm": width, "heightMm": height, "depthMm": depth, "weightGrams": p.weight_grams },
        "rating": p.rating.map(|tenths| amount(Cents(i64::from(tenths) * 10))),
        "links": { "self": format!("/products/{}", p.sku), "image": format!("/products/{}/image", p.sku) },
        "createdAt": p.created.text(),
        "updatedAt": p.updated.text(),
    })
}

fn summary(p: &Product) -> Value {
    json!({
        "sku": p.sku,
        "name": p.name,
        "price": { "amount": amount(p.price), "currency": "EUR" },
        "tags": p.tags,
        "inStock": p.available > p.reserved,
        "image": format!("/products/{}/image", p.sku),
    })
}

fn products(ask: &Ask, data: &Data) -> Reply {
    let page = ask.parameter("page").and_then(|p| p.parse().ok()).unwrap_or(1);
    let (category, sort) = (ask.parameter("category"), ask.parameter("sort"));
    let (items, total, pages) = data.list(category.as_deref(), sort.as_deref(), page);
    let items: Vec<Value> = items.into_iter().map(summary).collect();
    let body = json!({ "page": page, "pages": pages, "total": total, "category": category, "items": items });
    json(200, "public, max-age=30", &body)
}

fn search(ask: &Ask, data: &Data) -> Reply {
    let Some(query) = ask.parameter("q").filter(|q| !q.trim().is_empty()) else {
        return bad_request("the parameter q is missing");
    };
    let found = data.search(&query);
    let hits: Vec<Value> = found
        .iter()
        .take(8)
        .map(|(p, score)| json!({ "score": amount(Cents(i64::from(*score))), "product": summary(p) }))
        .collect();
    let mut reply = json(200, "public, max-age=10", &json!({ "query": query, "total": found.len(), "hits": hits }));
    reply.chunked = true;
    reply
}

fn customer_json(c: &Customer) -> Value {
    json!({
        "id": c.id,
        "name": c.name,
        "email": c.email,
        "phone": c.phone,
        "address": {
            "street": c.address.street,
            "postcode": c.address.postcode,
            "city": c.address.city,
            "country": c.address.country,
        },
        "loyalty": { "points": c.points, "tier": c.tier },
        "newsletter": c.newsletter,
        "customerSince": c.since.text(),
    })
}

fn orders_json(data: &Data, customer: &Customer) -> Value {
    let orders: Vec<Value> = data
        .orders_of(customer.id)
        .map(|o| {
            json!({
                "orderId": o.id,
                "status": o.status,
                "items": o.lines.len(),
                "total": amount(o.totals.grand),
                "createdAt": o.created.text(),
            })
        })
        .collect();
    json!({ "customerId": customer.id, "currency": "EUR", "count": orders.len(), "orders": orders })
}

fn order_json(o: &Order, data: &Data) -> Value {
    let lines: Vec<Value> = o
        .lines
        .iter()
        .map(|l| {
            json!({
                "sku": l.sku,
                "name": l.name,
                "quantity": l.quantity,
                "unitPrice": amount(l.unit),
                "lineTotal": amount(l.total()),
            })
        })
        .collect();
    let ship_to = data.customer(&o.customer.to_string()).map(|c| {
        json!({
            "name": c.name,
            "street": c.address.street,
            "postcode": c.address.postcode,
            "city": c.address.city,
            "country": c.address.country,
            "email": c.email,
        })
    });
    json!({
        "orderId": o.id,
        "customerId": o.customer,
        "status": o.status,
        "currency": "EUR",
        "lines": lines,
        "totals": {
            "subtotal": amount(o.totals.subtotal),
            "discount": amount(o.totals.discount),
            "shipping": amount(o.totals.shipping),
            "tax": amount(o.totals.tax),
            "grand": amount(o.totals.grand),
        },
        "shipTo": ship_to,
        "note": o.note,
        "paymentId": o.payment().id,
        "createdAt": o.created.text(),
        "shippedAt": o.shipped.map(|s| s.text()),
    })
}

fn payment_json(o: &Order) -> Value {
    let p = o.payment();
    json!({
        "paymentId": p.id,
        "orderId": o.id,
        "ledgerEntry": p.ledger_entry,
        "method": p.method,
        "last4": if p.method == "card" { Some(p.last4) } else { None },
        "amount": amount(p.amount),
        "currency": "EUR",
        "status": "captured",
        "capturedAt": p.captured.text(),
    })
}

fn notifications(ask: &Ask, data: &Data) -> Reply {
    let Some(customer) = ask.parameter("customer").and_then(|id| data.customer(&id)) else {
        return bad_request("the parameter customer names nobody");
    };
    let list: Vec<Value> = customer
        .notifications()
        .into_iter()
        .map(|n| json!({ "id": n.id, "channel": n.channel, "subject": n.subject, "read": n.read, "sentAt": n.sent.text() }))
        .collect();
    if list.is_empty() {
        let mut reply = Reply { status: 204, ..Reply::default() };
        reply.set("cache-control", "no-store");
        return reply;
    }
    json(200, "no-store", &json!({ "customerId": customer.id, "unread": unread(&list), "notifications": list }))
}

fn unread(list: &[Value]) -> usize {
    list.iter().filter(|n| n["read"] == json!(false)).count()
}

fn create_order(ask: &Ask, data: &Data) -> Reply {
    let Ok(wanted) = serde_json::from_slice::<Value>(&ask.body) else {
        return bad_request("the body is not JSON");
    };
    let customer = wanted["customerId"].as_u64().and_then(|id| data.customer(&id.to_string()));
    let lines: Option<Vec<Line>> = wanted["lines"].as_array().and_then(|lines| {
        let line = |l: &Value| {
            let product = data.product(l["sku"].as_str()?)?;
            let quantity =
                l["quantity"].as_u64().and_then(|q| u32::try_from(q).ok()).filter(|q| (1..=99).contains(q))?;
            Some(Line { sku: product.sku.clone(), name: product.name.clone(), quantity, unit: product.price })
        };
        lines.iter().map(line).collect()
    });
    let (Some(customer), Some(lines)) = (customer, lines.filter(|l| !l.is_empty())) else {
        return bad_request("a known customerId and lines with sku and quantity (1 to 99) are needed");
    };
    let order = Order::draft(customer.id, lines);
    let mut reply = json(201, "no-store", &order_json(&order, data));
    reply.set("location", format!("/orders/{}", order.id));
    reply
}

fn create_payment(ask: &Ask, data: &Data) -> Reply {
    let wanted: Value = serde_json::from_slice(&ask.body).unwrap_or_default();
    match wanted["orderId"].as_u64().and_then(|id| data.order(&id.to_string())) {
        Some(order) => {
            let mut reply = json(201, "no-store", &payment_json(order));
            reply.set("location", format!("/payments/{}", order.payment().id));
            reply
        }
        None => bad_request("orderId names no order"),
    }
}

fn update_customer(ask: &Ask, customer: &Customer) -> Reply {
    let Ok(Value::Object(changes)) = serde_json::from_slice::<Value>(&ask.body) else {
        return bad_request("the body is not a JSON object");
    };
    let mut changed = customer.clone();
    if let Some(name) = changes.get("name").and_then(Value::as_str) {
        changed.name = name.to_owned();
    }
    if let Some(newsletter) = changes.get("newsletter").and_then(Value::as_bool) {
        changed.newsletter = newsletter;
    }
    json(200, "private, no-cache", &customer_json(&changed))
}

/// gzip, for clients that take it and answers that are worth it.
fn pack(ask: &Ask, reply: &mut Reply) {
    let kind = reply.header("content-type").unwrap_or_default();
    if reply.body.len() < WORTH_PACKING || kind == "image/png" || !ask.accepts("gzip") {
        return;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    if let Ok(packed) = encoder.write_all(&reply.body).and_then(|()| encoder.finish()) {
        reply.body = packed.into();
        reply.set("content-encoding", "gzip");
    }
}
