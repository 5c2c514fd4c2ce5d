use super::*;
use crate::wire::view::View;

const SECOND: i64 = 1_000_000_000;

fn piece<'a>(id: u32, offset: usize, more: bool, data: &'a [u8]) -> (Carried<'a>, Place) {
    let place = Place { id, offset, more };
    let carried = Carried {
        src: IpAddr::from([10, 0, 0, 1]),
        dst: IpAddr::from([10, 0, 0, 2]),
        protocol: 6,
        fragment: Some(place),
        payload: View { data, missing: 0 },
    };
    (carried, place)
}

fn put(fragments: &mut Fragments, at: i64, (carried, place): (Carried<'_>, Place)) -> Placed {
    fragments.place(Timestamp(at), &carried, place, 1)
}

#[test]
fn pieces_in_any_order_and_more_than_once_become_the_datagram() {
    let data: Vec<u8> = (0..40).collect();
    let mut fragments = Fragments::default();
    assert_eq!(put(&mut fragments, 0, piece(7, 24, false, &data[24..])), Placed::Held);
    assert_eq!(put(&mut fragments, 0, piece(7, 0, true, &data[..8])), Placed::Held);
    assert_eq!(put(&mut fragments, 0, piece(7, 0, true, &data[..16])), Placed::Held, "overlap that agrees");
    let Placed::Whole(whole) = put(&mut fragments, 0, piece(7, 16, true, &data[16..24])) else { panic!() };
    assert_eq!((whole.bytes, whole.frames), (data.clone(), 4));
    assert_eq!(put(&mut fragments, SECOND / 2, piece(7, 16, true, &data[16..24])), Placed::Repeated);
    assert_eq!(put(&mut fragments, 2 * SECOND, piece(7, 16, true, &data[16..24])), Placed::Held, "a number used again");
    fragments.give_up();
    assert_eq!((fragments.take_lost(), fragments.bytes), (1, 0));
}

#[test]
fn pieces_that_disagree_spoil_their_datagram() {
    let mut fragments = Fragments::default();
    assert_eq!(put(&mut fragments, 0, piece(7, 0, true, &[1; 16])), Placed::Held);
    assert_eq!(put(&mut fragments, 0, piece(7, 8, true, &[2; 16])), Placed::Refused(Refusal::Fragment));
    assert_eq!(fragments.take_lost(), 1);
    assert_eq!(put(&mut fragments, 0, piece(7, 16, false, &[1; 8])), Placed::Refused(Refusal::Fragment));
    assert_eq!(fragments.bytes, 0);
    // Two ends, and an end before what is already there.
    assert_eq!(put(&mut fragments, 0, piece(8, 16, false, &[1; 8])), Placed::Held);
    assert_eq!(put(&mut fragments, 0, piece(8, 16, true, &[1; 16])), Placed::Refused(Refusal::Fragment));
    assert_eq!(put(&mut fragments, 0, piece(9, 16, true, &[1; 16])), Placed::Held);
    assert_eq!(put(&mut fragments, 0, piece(9, 0, false, &[1; 8])), Placed::Refused(Refusal::Fragment));
}

#[test]
fn pieces_that_cannot_be_are_refused_by_themselves() {
    let mut fragments = Fragments::default();
    assert_eq!(put(&mut fragments, 0, piece(1, 0, true, &[1; 7])), Placed::Refused(Refusal::Malformed));
    assert_eq!(put(&mut fragments, 0, piece(1, 0, true, &[])), Placed::Refused(Refusal::Malformed));
    assert_eq!(put(&mut fragments, 0, piece(1, 65_528, false, &[1; 8])), Placed::Refused(Refusal::Malformed));
    let (mut cut, place) = piece(1, 0, true, &[1; 8]);
    cut.payload.missing = 8;
    assert_eq!(put(&mut fragments, 0, (cut, place)), Placed::Refused(Refusal::Truncated));
    assert!(fragments.waiting.is_empty());
}

#[test]
fn each_limit_evicts_the_oldest_and_says_so() {
    let mut fragments = Fragments::default();
    for id in 0..=MAX_DATAGRAMS as u32 {
        assert_eq!(put(&mut fragments, 0, piece(id, 0, true, &[1; 8])), Placed::Held);
    }
    assert_eq!((fragments.waiting.len(), fragments.take_lost()), (MAX_DATAGRAMS, 1));
    assert_eq!(fragments.evicted().get("fragment-datagrams"), Some(&1));

    put(&mut fragments, 31 * SECOND, piece(9999, 0, true, &[1; 8]));
    assert_eq!((fragments.waiting.len(), fragments.take_lost()), (1, MAX_DATAGRAMS as u64));
    assert_eq!(fragments.evicted().get("fragment-age"), Some(&(MAX_DATAGRAMS as u64)));

    // One late piece makes a hole of nearly 64 KiB; holes count.
    for id in 0..100 {
        put(&mut fragments, 31 * SECOND, piece(id, 65_000, true, &[1; 8]));
        assert!(fragments.bytes <= MAX_BYTES);
    }
    assert!(fragments.evicted().get("fragment-bytes").is_some_and(|n| *n > 30));
    assert_eq!(fragments.bytes, fragments.waiting.iter().map(|d| d.bytes.len()).sum::<usize>());
}

#[test]
fn too_many_holes_are_given_up() {
    let mut fragments = Fragments::default();
    for n in 0..MAX_STRETCHES {
        assert_eq!(put(&mut fragments, 0, piece(1, n * 16, true, &[1; 8])), Placed::Held);
    }
    let one_more = put(&mut fragments, 0, piece(1, MAX_STRETCHES * 16, true, &[1; 8]));
    assert_eq!(one_more, Placed::Refused(Refusal::Fragment));
    assert_eq!(fragments.take_lost(), MAX_STRETCHES as u64);
}
