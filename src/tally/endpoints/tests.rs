use bytes::Bytes;
use proptest::prelude::*;

use super::trie::{MAX_DEPTH, MAX_NODES, MAX_WORDS};
use super::*;
use crate::config::{OpenApi, Operation};
use crate::exchange::{Body, EndpointPattern, Headers, Version};

fn request(method: &str, target: &[u8]) -> Request {
    Request {
        method: method.into(),
        target: Bytes::copy_from_slice(target),
        version: Version::Http11,
        headers: Headers::new(),
        body: Body::default(),
    }
}

fn table() -> EndpointTable {
    EndpointTable::new(&Endpoints::Learned)
}

fn shown(table: &EndpointTable, number: u32) -> String {
    table.resolve()[number as usize].to_string()
}

fn get(table: &mut EndpointTable, target: &str) -> u32 {
    table.assign(&request("GET", target.as_bytes()))
}

#[test]
fn words_stay_values_vary_and_methods_are_apart() {
    let mut table = table();
    for (method, target, endpoint) in [
        ("GET", "/products?page=2", "GET /products"),
        ("GET", "/orders/17", "GET /orders/{id}"),
        ("GET", "/orders/18/lines/3", "GET /orders/{id}/lines/{id}"),
        ("POST", "/orders", "POST /orders"),
        ("GET", "http://shop/customers/9#x", "GET /customers/{id}"),
        ("GET", "/products/SKU-00123", "GET /products/{id}"),
        ("GET", "/reports/2026-11-20", "GET /reports/{date}"),
        ("GET", "/", "GET /"),
        ("GET", "/orders/", "GET /orders/"),
        ("GET", "/cart;jsessionid=1A2B3C", "GET /cart"),
        ("OPTIONS", "*", "OPTIONS *"),
    ] {
        let number = table.assign(&request(method, target.as_bytes()));
        assert_eq!(shown(&table, number), endpoint, "{method} {target}");
    }
    assert_eq!(get(&mut table, "/orders/17"), get(&mut table, "/orders/99"));
}

#[test]
fn several_shapes_in_one_place_are_one_endpoint() {
    let mut table = table();
    let number = get(&mut table, "/orders/17");
    let uuid = get(&mut table, "/orders/f47ac10b-58cc-4372-a567-0e02b2c3d479");
    assert_eq!((number, shown(&table, number)), (uuid, "GET /orders/{id}".into()));
}

#[test]
fn too_many_words_become_one_variable_also_for_what_was_counted_before() {
    let mut table = table();
    let words: Vec<String> = (0..=MAX_WORDS).map(|n| letters(n).to_string()).collect();
    let first = get(&mut table, &format!("/tags/{}/posts", words[0]));
    assert_eq!(shown(&table, first), "GET /tags/aa/posts");
    let numbers: Vec<u32> = words.iter().map(|w| get(&mut table, &format!("/tags/{w}/posts"))).collect();
    for number in numbers {
        assert_eq!(shown(&table, number), "GET /tags/{name}/posts");
    }
    // New words are counted under the number that stands there now.
    let new = get(&mut table, "/tags/quite-new/posts");
    assert_eq!(shown(&table, new), "GET /tags/{name}/posts");
    assert_eq!(shown(&table, first), "GET /tags/{name}/posts");
    let other = get(&mut table, "/products/shoes");
    assert_eq!(shown(&table, other), "GET /products/shoes", "a neighbour is left alone");
}

#[test]
fn a_word_asked_far_more_often_than_its_neighbours_stays_a_word() {
    let mut table = table();
    for _ in 0..40 {
        get(&mut table, "/products/search");
        get(&mut table, "/orders");
    }
    let slugs: Vec<u32> = (0..200).map(|n| get(&mut table, &format!("/products/{}", letters(n)))).collect();
    let scanned: Vec<u32> = (0..200).map(|n| get(&mut table, &format!("/{}", letters(n)))).collect();
    let (search, orders) = (get(&mut table, "/products/search"), get(&mut table, "/orders"));
    assert_eq!(shown(&table, search), "GET /products/search");
    assert_eq!(shown(&table, orders), "GET /orders");
    assert_eq!(shown(&table, slugs[0]), "GET /products/{name}");
    assert_eq!(shown(&table, scanned[0]), "GET /{name}");
}

#[test]
fn joined_subtrees_join_below_too() {
    let mut table = table();
    let mut numbers = Vec::new();
    for n in 0..200 {
        numbers.push((get(&mut table, &format!("/shops/{}/items/{n}", letters(n))), "GET /shops/{name}/items/{id}"));
        numbers.push((get(&mut table, &format!("/shops/{}", letters(n))), "GET /shops/{name}"));
        numbers.push((
            table.assign(&request("PUT", format!("/shops/{}/open", letters(n)).as_bytes())),
            "PUT /shops/{name}/open",
        ));
    }
    for (number, endpoint) in numbers {
        assert_eq!(shown(&table, number), endpoint);
    }
}

#[test]
fn templates_of_the_policy_come_first_and_the_rest_is_learnt() {
    let patterns = ["GET /orders/{order}", "* /health", "/static/**"].map(|p| p.parse().unwrap());
    let mut table = EndpointTable::new(&Endpoints::Templates(patterns.to_vec()));
    for (method, target, endpoint) in [
        ("GET", "/orders/next", "GET /orders/{order}"),
        ("HEAD", "/health", "HEAD /health"),
        ("GET", "/static/a/b.css", "GET /static/**"),
        ("GET", "/orders/17/lines", "GET /orders/{id}/lines"),
        ("GET", "/orders/18", "GET /orders/{order}"),
    ] {
        let number = table.assign(&request(method, target.as_bytes()));
        assert_eq!(shown(&table, number), endpoint, "{method} {target}");
    }
}

#[test]
fn operations_of_an_openapi_document_are_endpoints_the_narrowest_first() {
    let operation = |text: &str| Operation { endpoint: text.parse().unwrap(), statuses: Default::default() };
    let mut operations =
        ["GET /v1/orders/{id}", "DELETE /v1/orders/{id}", "GET /v1/orders/recent", "GET /v1/orders/{id}.csv"]
            .map(operation);
    operations.sort_by(|a, b| a.endpoint.narrowest_first(&b.endpoint));
    let document = OpenApi { file: "orders.yaml".into(), operations: operations.to_vec() };
    let mut table = EndpointTable::new(&Endpoints::OpenApi(document));
    for (method, target, endpoint) in [
        ("GET", "/v1/orders/recent?x=1", "GET /v1/orders/recent"),
        ("GET", "/v1/orders/next", "GET /v1/orders/{id}"),
        ("GET", "/v1/orders/7.csv", "GET /v1/orders/{id}.csv"),
        ("DELETE", "/v1/orders/recent", "DELETE /v1/orders/{id}"),
        ("PUT", "/v1/orders/17", "PUT /v1/orders/{id}"),
        ("GET", "/orders/17/lines", "GET /orders/{id}/lines"),
        ("OPTIONS", "*", "OPTIONS *"),
    ] {
        let number = table.assign(&request(method, target.as_bytes()));
        assert_eq!(shown(&table, number), endpoint, "{method} {target}");
    }
}

#[test]
fn hostile_paths_stay_within_the_limits_and_are_counted() {
    let mut table = table();
    let deep = format!("/{}", "a/".repeat(5000));
    let deep = get(&mut table, &deep);
    assert_eq!(shown(&table, deep), format!("GET {}/{{rest}}", "/a".repeat(MAX_DEPTH)));
    let long = get(&mut table, &format!("/x/{}", "y".repeat(100_000)));
    assert_eq!(shown(&table, long), "GET /x/{token}");
    let binary = table.assign(&request("GET", b"/x/\xff\x00"));
    assert_eq!(shown(&table, binary), "GET /x/{token}");

    // A tree that never has too many words in one place, and yet is too large.
    let mut overflow = None;
    for n in 0..20 * 20 * 20 {
        let path = format!("/{}/{}/{}", letters(n / 400), letters(n / 20 % 20), letters(n % 20));
        overflow = Some(get(&mut table, &path));
    }
    assert_eq!(shown(&table, overflow.unwrap()), "GET {other}");
    assert!(table.overflowed() > 0);
    assert!(table.resolve().len() <= MAX_ENDPOINT_NUMBERS + MAX_METHODS + 1);
    assert!(table.trie.size() <= MAX_NODES);

    for n in 0..100 {
        table.assign(&request(&format!("M{n}"), b"/"));
    }
    let method = table.assign(&request("M99", b"/"));
    assert_eq!(shown(&table, method), "{other} {other}");
}

/// Words without digits: aa, ab, ...
fn letters(n: usize) -> String {
    let letter = |n: usize| (b'a' + (n % 26) as u8) as char;
    [letter(n / 26), letter(n)].iter().collect()
}

/// A path of words and numbers, of a vocabulary that is too large for one place.
fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![3 => (0..60_usize).prop_map(letters), 1 => (0..999_u32).prop_map(|n| n.to_string())];
    prop::collection::vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// However places collapse and join: every number ends as a template of every path that was given it, in every
    /// run the same.
    #[test]
    fn every_path_fits_the_template_it_is_counted_under(paths in prop::collection::vec(path(), 1..700)) {
        let (mut table, mut again) = (table(), table());
        let numbers: Vec<u32> = paths.iter().map(|path| get(&mut table, path)).collect();
        let repeated: Vec<u32> = paths.iter().map(|path| get(&mut again, path)).collect();
        prop_assert_eq!(&numbers, &repeated);
        let endpoints = table.resolve();
        prop_assert_eq!(&endpoints, &again.resolve());
        for (path, number) in paths.iter().zip(numbers) {
            let endpoint = &endpoints[number as usize];
            if endpoint.template != OTHER {
                let pattern: EndpointPattern = endpoint.to_string().parse().unwrap();
                prop_assert!(pattern.matches("GET", path.as_bytes()), "{path} under {endpoint}");
            }
        }
    }
}
