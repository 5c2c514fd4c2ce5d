//! What comparing two bodies costs, beside the ways that build trees: `cargo bench --bench compare`.
//!
//! The figures of one machine say little; the ratios between the lines of one group travel.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use tapcompare::compare::json::{ArrayMode, Guide, NumberMode, Plain, diff};
use tapcompare::exchange::Segment;

/// An order as shops answer it, with `items` items; `request` and `at` stand for what differs each time.
fn order(items: usize, request: &str, at: &str) -> String {
    let mut text = format!(
        "{{\"requestId\":\"{request}\",\"id\":48213,\"status\":\"paid\",\"customer\":{{\"id\":771,\"name\":\"Jörg Müller\",\"email\":\"j@example.org\"}},\"items\":["
    );
    for item in 0..items {
        let comma = if item == 0 { "" } else { "," };
        let (price, gift) = (item * 37 % 9000 + 99, item % 3 == 0);
        let _ = write!(
            text,
            "{comma}{{\"sku\":\"A-{item:05}\",\"title\":\"Thing of size {item}, \\u00e4 good one\",\"quantity\":{},\"price\":{}.{:02},\"tags\":[\"new\",\"blue\"],\"gift\":{gift},\"note\":null}}",
            item % 4 + 1,
            price / 100,
            price % 100
        );
    }
    let _ = write!(text, "],\"total\":1249.90,\"currency\":\"EUR\",\"generatedAt\":\"{at}\"}}");
    text
}

/// About 0.3, 4 and 64 kB.
const SIZES: [(&str, usize); 3] = [("0.3kB", 1), ("4kB", 27), ("64kB", 470)];

fn base(items: usize) -> String {
    order(items, "7d1f6a52-0c1f-4a3e", "2026-11-20T10:00:00Z")
}

/// Both pairs of fields are of equal length, as volatile fields mostly are.
fn two_fields(items: usize) -> String {
    order(items, "c0ffee00-1234-4bcd", "2026-11-20T10:00:07Z")
}

fn equal(c: &mut Criterion) {
    let mut group = c.benchmark_group("equal");
    for (name, items) in SIZES {
        let (a, b) = (base(items), base(items));
        group.throughput(Throughput::Bytes(a.len() as u64));
        group.bench_with_input(BenchmarkId::new("ours", name), &(&a, &b), |bench, (a, b)| {
            bench.iter(|| diff(black_box(a.as_bytes()), black_box(b.as_bytes()), &Plain));
        });
        trees(&mut group, name, &a, &b);
    }
    group.finish();
}

fn differing(c: &mut Criterion) {
    let mut group = c.benchmark_group("two_fields");
    for (name, items) in SIZES {
        let (a, b) = (base(items), two_fields(items));
        assert_eq!(diff(a.as_bytes(), b.as_bytes(), &Plain).map(|found| found.differences.len()), Ok(2));
        group.throughput(Throughput::Bytes(a.len() as u64));
        group.bench_with_input(BenchmarkId::new("ours", name), &(&a, &b), |bench, (a, b)| {
            bench.iter(|| diff(black_box(a.as_bytes()), black_box(b.as_bytes()), &Plain));
        });
        trees(&mut group, name, &a, &b);
        group.bench_with_input(BenchmarkId::new("json_patch", name), &(&a, &b), |bench, (a, b)| {
            let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
            bench.iter(|| json_patch::diff(&parse(black_box(a)), &parse(black_box(b))));
        });
    }
    group.finish();
}

fn trees(group: &mut criterion::BenchmarkGroup<criterion::measurement::WallTime>, name: &str, a: &str, b: &str) {
    group.bench_with_input(BenchmarkId::new("serde_trees", name), &(a, b), |bench, (a, b)| {
        let parse = |text: &str| serde_json::from_str::<Value>(text).ok();
        bench.iter(|| parse(black_box(a)) == parse(black_box(b)));
    });
}

/// The harder cases, at 4 kB.
fn shapes(c: &mut Criterion) {
    let mut group = c.benchmark_group("shapes_4kB");
    let a = base(27);
    let spaced = a.replace(":", ": ").replace(",\"", ", \"");
    let inserted = a.replacen("\"items\":[", "\"items\":[{\"sku\":\"B-1\",\"price\":1},", 1);
    let every_item = a.replace("\"quantity\":", "\"quantity\":1");
    let reversed_names = a.replacen("{\"requestId\"", "{\"currency\":\"EUR\",\"requestId\"", 1).replacen(
        "\"total\":1249.90,\"currency\":\"EUR\"",
        "\"total\":1249.90",
        1,
    );
    group.throughput(Throughput::Bytes(a.len() as u64));
    for (name, b) in
        [("spaced", spaced), ("inserted", inserted), ("every_item", every_item), ("moved_name", reversed_names)]
    {
        group.bench_function(name, |bench| {
            bench.iter(|| diff(black_box(a.as_bytes()), black_box(b.as_bytes()), &Plain))
        });
    }
    /// Says of every place what the plain guide says, but has to be asked.
    struct Asked;
    impl Guide for Asked {
        fn array(&self, _: &[Segment]) -> ArrayMode {
            ArrayMode::Ordered
        }
        fn number(&self, _: &[Segment]) -> NumberMode {
            NumberMode::Value
        }
    }
    let b = two_fields(27);
    group.bench_function("two_fields_guided", |bench| {
        bench.iter(|| diff(black_box(a.as_bytes()), black_box(b.as_bytes()), &Asked));
    });
    group.finish();
}

criterion_group!(benches, equal, differing, shapes);
criterion_main!(benches);
