//! Conversations whose bodies are bait: whole requests and whole answers as text, where segments begin and end. Nothing
//! but numbers tells them from the real ones.

use std::collections::VecDeque;

use super::talk::{Talk, chunked, get};
use super::{Dice, Seg};

/// When the client asks before it has its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pipelining {
    Never,
    /// Several at once, and then no more until all are answered.
    Batches,
    /// At any time, in the middle of an answer, too.
    Anytime,
}

/// How a conversation is to be.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub pipelining: Pipelining,
    /// The handshake is not in it.
    pub midstream: bool,
}

/// A conversation, and for each exchange the segments that carry it.
pub struct Bait {
    pub segments: Vec<Seg>,
    pub own: Vec<Vec<usize>>,
    pub shape: Shape,
}

/// A message's length where its length must not depend on its body's.
const LENGTH: usize = 5;

fn with_length(start: &str, body: &str) -> Vec<u8> {
    format!("{start}\r\nContent-Length: {:0LENGTH$}\r\n\r\n{body}", body.len()).into_bytes()
}

fn fake(dice: &mut Dice, n: usize) -> String {
    let text = match dice.below(8) {
        0 | 1 => "GET /lie HTTP/1.1\r\n\r\n".into(),
        2 => format!("GET /lie HTTP/1.1\r\nHost: h{n}\r\n\r\n"),
        3 => "HEAD /lie HTTP/1.1\r\n\r\n".into(),
        4 => "POST /lie HTTP/1.1\r\nContent-Length: 3\r\n\r\nlie".into(),
        5 => format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\nfalse"),
        6 => "HTTP/1.1 100 Continue\r\n\r\n".into(),
        _ => "HTTP/1.1 304 Not Modified\r\n\r\n".into(),
    };
    text.repeat(1 + dice.below(2))
}

/// Bait for a body that begins `before` bytes after its message.
fn body(dice: &mut Dice, mss: usize, before: usize) -> String {
    let mut text = String::new();
    for n in 0..dice.below(7) {
        let fill = |text: &mut String| {
            let at = (before + text.len()) % mss;
            text.push_str(&"x".repeat((mss - at) % mss));
        };
        match dice.below(6) {
            0 => text.push_str(&format!("some text {n} ")),
            1 => {
                fill(&mut text);
                text.push_str("\r\n");
            }
            2 => text.push_str(&fake(dice, n)),
            _ => {
                fill(&mut text);
                text.push_str(&fake(dice, n));
            }
        }
    }
    text
}

struct Writer {
    talk: Talk,
    dice: Dice,
    mss: usize,
    /// Whether the client acknowledges answers, and in the middle of them.
    acks: (bool, bool),
    /// Requests that wait for their answer: number, whether HEAD, whether it awaits 100 Continue, its segments.
    waiting: VecDeque<(usize, bool, Vec<usize>)>,
    own: Vec<Vec<usize>>,
}

impl Writer {
    /// Sends bytes, with acknowledgements between the segments now and then.
    fn send(&mut self, from_client: bool, bytes: &[u8]) -> Vec<usize> {
        let mut own = Vec::new();
        for part in bytes.chunks(self.mss) {
            own.extend(self.talk.send(from_client, part));
            if self.acks.1 && self.dice.once_in(300) {
                self.talk.ack(!from_client);
            }
        }
        own
    }

    /// `idle`: no answer is under way.
    fn ask(&mut self, number: usize, idle: bool) {
        let path = format!("/{number}-{}", "p".repeat(self.dice.below(80)));
        match self.dice.below(5) {
            0 | 1 => {
                let head = with_length(&format!("POST {path} HTTP/1.1\r\nExpect: 100-continue"), "").len();
                // Where the client waits for 100 Continue, its body begins with a segment.
                let waits = idle && self.waiting.is_empty() && self.dice.once_in(300);
                let before = if waits { 0 } else { head };
                let body = body(&mut self.dice, self.mss, before);
                let waits = waits && !body.is_empty();
                let request = with_length(&format!("POST {path} HTTP/1.1\r\nExpect: 100-continue"), &body);
                let mut own = self.send(true, &request[..if waits { head } else { request.len() }]);
                if waits {
                    own.extend(self.send(false, b"HTTP/1.1 100 Continue\r\n\r\n"));
                    if self.acks.0 {
                        self.talk.ack(true);
                    }
                    own.extend(self.send(true, &request[head..]));
                }
                self.waiting.push_back((number, false, own));
            }
            2 => {
                let own = self.send(true, format!("HEAD {path} HTTP/1.1\r\n\r\n").as_bytes());
                self.waiting.push_back((number, true, own));
            }
            _ => {
                let own = self.send(true, &get(&path));
                self.waiting.push_back((number, false, own));
            }
        }
    }

    fn reply(&mut self, number: usize, head: bool) -> Vec<u8> {
        let start = format!("HTTP/1.1 200 OK\r\nX-Number: {number}");
        let before = with_length(&start, "").len();
        let text = body(&mut self.dice, self.mss, before);
        match self.dice.below(6) {
            _ if head => format!("{start}\r\nContent-Length: {}\r\n\r\n", text.len()).into_bytes(),
            0 => chunked(&format!("{number}:{text}"), 1 + self.dice.below(300)),
            1 => format!("HTTP/1.1 304 Not Modified\r\nX-Number: {number}\r\nContent-Length: 9\r\n\r\n").into_bytes(),
            2 => {
                let hints = format!("HTTP/1.1 103 Early Hints\r\nLink: <{}>\r\n\r\n", "l".repeat(self.dice.below(150)));
                [hints.into_bytes(), with_length(&start, &text)].concat()
            }
            _ => with_length(&start, &text),
        }
    }
}

/// The conversation of that seed.
pub fn bait(seed: u64, shape: Shape) -> Bait {
    let mut dice = Dice(seed ^ 0xba17);
    let mss = [60, 100, 250][dice.below(3)];
    let talk = if shape.midstream { Talk::midstream(mss) } else { Talk::new(mss) };
    let total = 3 + dice.below(6);
    let acks = (dice.once_in(700), dice.once_in(300));
    let mut writer = Writer { talk, dice, mss, acks, waiting: VecDeque::new(), own: vec![Vec::new(); total] };
    let mut asked = 0;
    while asked < total || !writer.waiting.is_empty() {
        let (batches, anytime) = (shape.pipelining == Pipelining::Batches, shape.pipelining == Pipelining::Anytime);
        let may_go_on = anytime || batches && writer.waiting.is_empty();
        while asked < total && (writer.waiting.is_empty() || may_go_on && writer.dice.once_in(300)) {
            writer.ask(asked, true);
            asked += 1;
        }
        let Some((number, head, mut own)) = writer.waiting.pop_front() else { break };
        let bytes = writer.reply(number, head);
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let part = rest.len().min(writer.mss);
            own.extend(writer.send(false, &rest[..part]));
            rest = &rest[part..];
            if anytime && asked < total && writer.dice.once_in(100) {
                writer.ask(asked, false);
                asked += 1;
            }
        }
        writer.own[number] = own;
        if writer.acks.0 {
            writer.talk.ack(true);
        }
    }
    if writer.dice.once_in(600) {
        writer.talk.close();
    }
    Bait { segments: writer.talk.segments, own: writer.own, shape }
}
