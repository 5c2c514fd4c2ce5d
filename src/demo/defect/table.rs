//! The table of defects, and the few lines of wrong code that each of them is.

use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use serde_json::{Value, json};

use super::{Defect, Expected, Place, Touch};
use crate::demo::ask::Ask;
use crate::demo::candidate::{Content, Draft};
use crate::demo::data::{Cents, Data, recompressed};
use crate::demo::dice::hash;
use crate::demo::reply::Reply;
use crate::exchange::{DifferenceKind as Kind, Failure};

/// How much longer a slow search takes.
const SLOW_SEARCH: Duration = Duration::from_millis(60);

/// A defect on every request of its endpoint.
const fn defect(
    name: &'static str,
    endpoint: &'static str,
    description: &'static str,
    expected: Expected,
    touch: Touch,
) -> Defect {
    Defect { name, description, endpoint, rate: 1.0, expected, touch }
}

pub(super) const ALL: &[Defect] = &[
    defect(
        "price-rounding",
        "GET /orders/{id}",
        "the tax of an order is cut off at the cent instead of rounded",
        Expected::Differences(&[
            (Place::Json("/totals/tax"), Kind::Value),
            (Place::Json("/totals/grand"), Kind::Value),
        ]),
        Touch::Json(price_rounding),
    ),
    defect(
        "string-quantity",
        "GET /orders/{id}",
        "quantities are strings instead of numbers",
        Expected::Differences(&[(Place::Json("/lines/*/quantity"), Kind::Type)]),
        Touch::Json(string_quantity),
    ),
    defect(
        "null-email",
        "GET /orders/{id}",
        "the e-mail address that an order is announced to is null",
        Expected::Differences(&[(Place::Json("/shipTo/email"), Kind::Type)]),
        Touch::Json(|order| put(order, "/shipTo/email", Value::Null)),
    ),
    defect(
        "line-order",
        "GET /orders/{id}",
        "the lines of an order come last first",
        Expected::Differences(&[(Place::Json("/lines"), Kind::Order)]),
        Touch::Json(line_order),
    ),
    defect(
        "local-time",
        "GET /orders/{id}",
        "createdAt is the local wall clock, given out as UTC",
        Expected::Differences(&[(Place::Json("/createdAt"), Kind::Value)]),
        Touch::Json(local_time),
    ),
    defect(
        "server-error",
        "GET /orders/{id}",
        "every seventh order ends in an error 500",
        Expected::Failure(Failure::ServerError),
        Touch::Draft(server_error),
    ),
    defect(
        "missing-field",
        "GET /products/{sku}",
        "the weight of a product is forgotten",
        Expected::Differences(&[(Place::Json("/dimensions/weightGrams"), Kind::Missing)]),
        Touch::Json(missing_field),
    ),
    defect(
        "extra-field",
        "GET /products/{sku}",
        "what the shop itself pays for a product is given away",
        Expected::Differences(&[(Place::Json("/purchasePrice"), Kind::Extra)]),
        Touch::Json(extra_field),
    ),
    defect(
        "mojibake",
        "GET /products/{sku}",
        "the name of a product is encoded as UTF-8 twice",
        Expected::Differences(&[(Place::Json("/name"), Kind::Value)]),
        Touch::Json(mojibake),
    ),
    Defect {
        name: "flaky-stock",
        description: "now and then the stock is that of an outdated replica",
        endpoint: "GET /products/{sku}",
        rate: 0.02,
        expected: Expected::Differences(&[(Place::Json("/stock/available"), Kind::Value)]),
        touch: Touch::Json(flaky_stock),
    },
    defect(
        "soft-404",
        "GET /products/{sku}",
        "a product that does not exist is answered with status 200",
        Expected::Differences(&[(Place::Status, Kind::Value)]),
        Touch::Draft(soft_404),
    ),
    defect(
        "missing-cache-control",
        "GET /products",
        "lists no longer say how long they may be cached",
        Expected::Differences(&[(Place::Header("cache-control"), Kind::Missing)]),
        Touch::Draft(|_, draft| draft.reply.remove("cache-control")),
    ),
    defect(
        "truncated-list",
        "GET /products",
        "a page lacks its last product: the page size is off by one",
        Expected::Differences(&[(Place::Json("/items/*"), Kind::Missing)]),
        Touch::Json(truncated_list),
    ),
    defect(
        "slow-search",
        "GET /search",
        "a search takes 60 ms longer",
        Expected::Latency(SLOW_SEARCH),
        Touch::Draft(|_, draft| draft.reply.takes += SLOW_SEARCH),
    ),
    defect(
        "duplicate-element",
        "GET /customers/{id}/orders",
        "the last order of a customer is listed twice",
        Expected::Differences(&[(Place::Json("/orders/*"), Kind::Extra)]),
        Touch::Json(duplicate_element),
    ),
    defect(
        "float-ids",
        "GET /payments/{id}",
        "long numbers have gone through a floating-point variable",
        Expected::Differences(&[(Place::Json("/ledgerEntry"), Kind::Value)]),
        Touch::Json(float_ids),
    ),
    defect(
        "ulid-ids",
        "GET /payments/{id}",
        "ledger entries have ULIDs instead of numbers: a new identity, and so noise, where it is wanted",
        Expected::Differences(&[(Place::Json("/ledgerEntry"), Kind::Type)]),
        Touch::Json(ulid_ids),
    ),
    defect(
        "false-gzip",
        "GET /customers/{id}",
        "answers claim to be packed with gzip and are not",
        Expected::Differences(&[(Place::Body, Kind::Encoding)]),
        Touch::Reply(false_gzip),
    ),
    defect(
        "duplicate-key",
        "GET /notifications",
        "the number of unread notifications is there twice",
        Expected::Differences(&[(Place::Json("/unread"), Kind::DuplicateKey)]),
        Touch::Reply(duplicate_key),
    ),
    defect(
        "wrong-charset",
        "GET /health",
        "the content type names another character set",
        Expected::Differences(&[(Place::Header("content-type"), Kind::Value)]),
        Touch::Draft(|_, draft| draft.reply.set("content-type", "text/plain; charset=iso-8859-1")),
    ),
    defect(
        "decimal-comma",
        "GET /orders/{id}/invoice.txt",
        "the total of an invoice has a decimal comma",
        Expected::Differences(&[(Place::Text, Kind::Value)]),
        Touch::Draft(decimal_comma),
    ),
    defect(
        "recompressed-image",
        "GET /products/{sku}/image",
        "pictures are packed anew, so their bytes are others",
        Expected::Differences(&[(Place::Body, Kind::Value)]),
        Touch::Draft(recompressed_image),
    ),
    defect(
        "lost-redirect",
        "GET /p/{sku}",
        "short links lead to the catalogue instead of the product",
        Expected::Differences(&[(Place::Header("location"), Kind::Value)]),
        Touch::Draft(lost_redirect),
    ),
];

/// Puts a value where there is one.
fn put(document: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = document.pointer_mut(pointer) {
        *place = value;
    }
}

/// The elements of an array.
fn elements<'a>(document: &'a mut Value, pointer: &str) -> Option<&'a mut Vec<Value>> {
    document.pointer_mut(pointer)?.as_array_mut()
}

/// An amount of the candidate's, always written with two decimals.
fn cents(document: &Value, pointer: &str) -> i64 {
    let text = document.pointer(pointer).map(Value::to_string).unwrap_or_default();
    text.replace('.', "").parse().unwrap_or(0)
}

fn amount(cents: i64) -> Value {
    serde_json::from_str(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap_or_default()
}

fn price_rounding(order: &mut Value) {
    let [subtotal, discount, shipping] =
        ["/totals/subtotal", "/totals/discount", "/totals/shipping"].map(|at| cents(order, at));
    let net = subtotal - discount + shipping;
    let tax = net * 19 / 100;
    put(order, "/totals/tax", amount(tax));
    put(order, "/totals/grand", amount(net + tax));
}

fn string_quantity(order: &mut Value) {
    for line in elements(order, "/lines").into_iter().flatten() {
        let text = line["quantity"].to_string();
        put(line, "/quantity", json!(text));
    }
}

fn line_order(order: &mut Value) {
    if let Some(lines) = elements(order, "/lines") {
        lines.reverse();
    }
}

fn local_time(order: &mut Value) {
    let wall_clock = order["createdAt"].as_str().and_then(|text| text.get(..19)).map(|clock| format!("{clock}Z"));
    put(order, "/createdAt", json!(wall_clock));
}

fn server_error(ask: &Ask, draft: &mut Draft) {
    let id: u32 = ask.segments().last().and_then(|id| id.parse().ok()).unwrap_or(1);
    if id.is_multiple_of(7) && draft.reply.status == 200 {
        draft.content = Content::Json(json!({ "error": { "code": "internal", "message": "NullPointerException" } }));
        draft.reply.status = 500;
    }
}

fn missing_field(product: &mut Value) {
    if let Some(dimensions) = product["dimensions"].as_object_mut() {
        dimensions.shift_remove("weightGrams");
    }
}

fn extra_field(product: &mut Value) {
    let price = cents(product, "/price/amount");
    if let Some(product) = product.as_object_mut() {
        product.insert("purchasePrice".to_owned(), amount(Cents(price).percent(55).0));
    }
}

fn mojibake(product: &mut Value) {
    let twice: String = product["name"].as_str().unwrap_or_default().bytes().map(char::from).collect();
    put(product, "/name", json!(twice));
}

fn flaky_stock(product: &mut Value) {
    let available = product["stock"]["available"].as_u64().unwrap_or(0);
    put(product, "/stock/available", json!(available + 3));
}

fn soft_404(_: &Ask, draft: &mut Draft) {
    if draft.reply.status == 404 {
        draft.reply.status = 200;
    }
}

fn truncated_list(page: &mut Value) {
    if let Some(items) = elements(page, "/items") {
        items.pop();
    }
}

fn duplicate_element(history: &mut Value) {
    if let Some(orders) = elements(history, "/orders") {
        orders.extend(orders.last().cloned());
    }
}

fn float_ids(payment: &mut Value) {
    let through_a_double = payment["ledgerEntry"].as_u64().map(|n| n as f64);
    let text = through_a_double.map(|n| format!("{n:.0}")).unwrap_or_default();
    put(payment, "/ledgerEntry", serde_json::from_str(&text).unwrap_or_default());
}

/// The same number has always the same ULID.
fn ulid_ids(payment: &mut Value) {
    let entry = payment["ledgerEntry"].to_string();
    let bits = u128::from(hash(&entry)) << 64 | u128::from(hash(&format!("{entry} again")));
    // Of 130 bits the first two are none: a ULID's first character is at most 7.
    let five = |at: u32| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[(bits >> (5 * at)) as usize % 32];
    let text: String = (0..26).rev().map(|at| char::from(five(at))).collect();
    put(payment, "/ledgerEntry", json!(text));
}

/// Where a client takes no coding at all, there is nothing to claim.
fn false_gzip(plain: &Bytes, reply: &mut Reply) {
    if reply.header("content-encoding").is_some() {
        reply.set("content-encoding", "gzip");
        reply.body = plain.clone();
    }
}

/// A map cannot hold a name twice, so this is done to the text. Members come in alphabetical order, so `unread` is
/// the last one.
fn duplicate_key(plain: &Bytes, reply: &mut Reply) {
    let text = String::from_utf8_lossy(plain);
    if let Some((_, member)) = text.rsplit_once(", ").filter(|(_, member)| member.starts_with("\"unread\"")) {
        reply.body = format!("{}, {member}", text.trim_end_matches('}')).into();
        reply.remove("content-encoding");
    }
}

fn decimal_comma(_: &Ask, draft: &mut Draft) {
    if let Content::Text(text) = &mut draft.content {
        let lines = text.split_inclusive('\n');
        *text = lines.map(|l| if l.starts_with("Total") { l.replace('.', ",") } else { l.to_owned() }).collect();
    }
}

fn recompressed_image(ask: &Ask, draft: &mut Draft) {
    let segments = ask.segments();
    let product = segments.get(1).and_then(|sku| Data::get().product(sku));
    if let (Content::Image(bytes), Some(product)) = (&mut draft.content, product) {
        *bytes = recompressed(product.number, Compression::none());
    }
}

fn lost_redirect(_: &Ask, draft: &mut Draft) {
    draft.reply.set("location", "/products");
}
