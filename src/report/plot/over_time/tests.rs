use super::super::tests::{is_fit, tips};
use super::*;

const WIDE_SIZE: Size = (960, 300);

/// Buckets of 5 s from 13:20:00: compared, mismatched, failed.
fn series(buckets: &[(i64, u64, u64, u64)]) -> TimeSeries {
    let bucket = |(at, compared, mismatched, failed): &(i64, u64, u64, u64)| TimeBucket {
        from: Timestamp((1_700_000_000 - 800 + at * 5) * NANOS),
        exchanges: compared + failed,
        compared: *compared,
        mismatched: *mismatched,
        failed: *failed,
    };
    TimeSeries { step_ms: 5_000, buckets: buckets.iter().map(bucket).collect(), ..TimeSeries::default() }
}

fn drawn(series: &TimeSeries, marks: &[Mark], size: Size) -> Option<String> {
    let svg = over_time(&Rates { series, limit: Some(0.001), confidence: 0.95, marks }, size);
    svg.iter().for_each(|svg| is_fit(svg));
    svg
}

#[test]
fn each_bucket_is_told_with_its_interval_and_its_failures() {
    let series = series(&[(0, 1000, 0, 0), (1, 200, 10, 3), (3, 0, 0, 7)]);
    let svg = drawn(&series, &[], WIDE_SIZE).unwrap();
    assert_eq!(
        tips(&svg),
        [
            "2023-11-14 22:00:00: 0 of 1,000 differ, 0% (0% to 0.368%)",
            "2023-11-14 22:00:05: 10 of 200 differ, 5% (2.42% to 9%); 3 failed",
            "2023-11-14 22:00:15: nothing compared; 7 failed",
        ]
    );
    assert_eq!(svg.matches("<polygon").count(), 1, "one band, over two buckets that follow each other");
    assert!(svg.contains("stroke=\"#7F7F7F\" stroke-width=\"1\" stroke-dasharray"), "failures are dashed");
}

#[test]
fn a_gap_is_a_gap_and_one_bucket_is_a_plot() {
    let two = drawn(&series(&[(0, 10, 1, 0), (2, 10, 1, 0)]), &[], WIDE_SIZE).unwrap();
    assert_eq!(two.matches("<polygon").count(), 2);
    let one = drawn(&series(&[(0, 10, 1, 0)]), &[], (350, 260)).unwrap();
    assert_eq!(tips(&one).len(), 1);
    assert!(drawn(&TimeSeries::default(), &[], WIDE_SIZE).is_none());
}

/// The x of each vertical line in the colour of marks.
fn lines(svg: &str) -> Vec<i32> {
    let lines = svg.split("<polyline").filter(|line| line.contains("#CC79A7"));
    let x = |line: &str| line.split("points=\"").nth(1)?.split(',').next()?.trim().parse().ok();
    lines.filter_map(x).collect()
}

#[test]
fn marks_stand_where_their_epochs_began() {
    let series = series(&(0..40).map(|at| (at, 100, 1, 0)).collect::<Vec<_>>());
    let (first, last) = series.span().unwrap();
    let at = |seconds: i64| Timestamp(first.0 + seconds * NANOS);
    let marks = [
        Mark { number: 2, at: at(50), build: true },
        Mark { number: 3, at: at(150), build: false },
        Mark { number: 4, at: Timestamp(last.0 + NANOS), build: true },
    ];
    let svg = drawn(&series, &marks, WIDE_SIZE).unwrap();
    let none = drawn(
        &series,
        &[Mark { number: 2, at: at(0), build: true }, Mark { number: 3, at: last, build: true }],
        WIDE_SIZE,
    );
    let [left, right] = lines(&none.unwrap())[..] else { panic!("two lines") };
    let x = |seconds: i32| left + (right - left) * seconds / 200;
    let found = lines(&svg);
    assert_eq!(found.len(), 2, "what is not within the plot has no line");
    assert!((found[0] - x(50)).abs() <= 1 && (found[1] - x(150)).abs() <= 1, "{found:?} {left} {right}");
    assert_eq!(
        svg.matches("stroke=\"#CC79A7\" stroke-width=\"1\" stroke-dasharray").count(),
        1,
        "other rules are dashed"
    );
    let number = |n: &str| svg.split("<text").find(|text| text.contains(&format!(">\n{n}\n<"))).unwrap().to_owned();
    assert!(number("2").contains(&format!("x=\"{}\"", found[0] - 4)), "{}", number("2"));
    let said = tips(&svg);
    assert!(said.contains(&"epoch 2: another build, from 2023-11-14 22:00:50"), "{said:?}");
    assert!(said.contains(&"epoch 3: other rules or gates, from 2023-11-14 22:02:30"), "{said:?}");
    let crowd: Vec<Mark> = (0..500).map(|n| Mark { number: n, at: at(n as i64 / 3), build: n % 2 == 0 }).collect();
    assert!(lines(&drawn(&series, &crowd, WIDE_SIZE).unwrap()).len() <= MAX_MARKS);
}

/// The largest that there can be: each bucket with failures, and as many as there are, with and without gaps.
#[test]
fn both_sizes_together_stay_under_60_kilobytes() {
    for gap in [1, 2] {
        let many: Vec<_> = (0..120 / gap).map(|at| (at * gap, 1_234_567, 123_456, 98_765 + at as u64)).collect();
        let series = series(&many);
        let crowd: Vec<Mark> =
            (0..40).map(|n| Mark { number: 1000 + n, at: series.buckets[n as usize].from, build: true }).collect();
        let both = drawn(&series, &crowd, WIDE_SIZE).unwrap().len() + drawn(&series, &crowd, (350, 260)).unwrap().len();
        assert!(both <= 60_000, "{both}");
    }
}

#[test]
fn ticks_are_at_even_moments_and_their_names_do_not_meet() {
    let names = |first: i64, last: i64, most| {
        let ticks = time_ticks(Timestamp(first * NANOS), Timestamp(last * NANOS), most);
        ticks.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        names(1_700_000_000, 1_700_000_030, 9),
        "22:13:20 22:13:25 22:13:30 22:13:35 22:13:40 22:13:45 22:13:50"
    );
    assert_eq!(names(1_700_000_000, 1_700_100_000, 9), "11-15 04:00 08:00 12:00 16:00 20:00 11-16");
    assert_eq!(names(1_700_000_000, 1_700_000_000 + 14 * 86_400, 3).split(' ').count(), 2);
    assert_eq!(names(-5, 5, 3), "23:59:55 01-01 00:00:05");
    for (first, last) in [(i64::MIN, i64::MAX), (i64::MAX - 1, i64::MAX), (i64::MIN, i64::MIN + 1)] {
        assert!(time_ticks(Timestamp(first), Timestamp(last), 9).len() <= 9);
    }
}

#[test]
fn widths_in_words() {
    let of = |step_ms| width(&TimeSeries { step_ms, ..TimeSeries::default() });
    assert_eq!(
        [10, 500, 5_000, 60_000, 7_200_000, 86_400_000, 172_800_000].map(of),
        ["10 ms", "500 ms", "5 s", "1 min", "2 h", "1 day", "2 days"]
    );
}
