//! Programs that run beside a test: killed when it ends, however it ends, and what they said.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What one pipe has carried so far.
#[derive(Clone, Default)]
struct Heard(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Heard {
    fn listen(mut pipe: impl Read + Send + 'static) -> (Heard, thread::JoinHandle<()>) {
        let heard = Heard::default();
        let ours = heard.clone();
        let reader = thread::spawn(move || {
            let mut piece = [0; 16 << 10];
            while let Ok(n @ 1..) = pipe.read(&mut piece) {
                ours.0.0.lock().unwrap().extend_from_slice(&piece[..n]);
                ours.0.1.notify_all();
            }
        });
        (heard, reader)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.0.lock().unwrap()).into_owned()
    }

    fn wait_for(&self, words: &str, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        let mut bytes = self.0.0.lock().unwrap();
        loop {
            if String::from_utf8_lossy(&bytes).contains(words) {
                return true;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            bytes = self.0.1.wait_timeout(bytes, left).unwrap().0;
        }
    }
}

/// How a program ended, and all that it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A program that was started. It is killed when this is dropped.
pub(crate) struct Running {
    name: String,
    child: Child,
    out: Heard,
    err: Heard,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Running {
    /// Starts `command`; its standard input is a pipe, for those that are told things there.
    pub(crate) fn start(name: &str, mut command: Command) -> Running {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{name} does not start: {e}"));
        let (out, out_reader) = Heard::listen(child.stdout.take().unwrap());
        let (err, err_reader) = Heard::listen(child.stderr.take().unwrap());
        Running { name: name.to_owned(), child, out, err, readers: vec![out_reader, err_reader] }
    }

    /// Everything that runs a program inside a namespace ends in `exec`, so this is the program's own.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said on standard output so far.
    pub(crate) fn out(&self) -> String {
        self.out.text()
    }

    /// What it has said on standard error so far.
    pub(crate) fn err(&self) -> String {
        self.err.text()
    }

    /// Waits until standard output holds `words`.
    pub(crate) fn wait_for_out(&self, words: &str) {
        assert!(self.out.wait_for(words, PATIENCE), "{}", self.story(&format!("did not say '{words}'")));
    }

    /// Waits until standard error holds `words`.
    pub(crate) fn wait_for_err(&self, words: &str) {
        assert!(self.err.wait_for(words, PATIENCE), "{}", self.story(&format!("did not say '{words}'")));
    }

    /// Waits until `ready` is true, as long as the program runs.
    pub(crate) fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !ready() {
            let gone = self.child.try_wait().unwrap().is_some();
            assert!(!gone && Instant::now() < deadline, "{}", self.story(&format!("never came to: {what}")));
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Writes a line to its standard input.
    pub(crate) fn tell(&mut self, line: &str) {
        use std::io::Write;
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Sends a signal, `INT` or `STOP` or any other by name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.pid());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}: {}", self.name);
    }

    /// Waits for the program's own end.
    pub(crate) fn wait(mut self, within: Duration) -> Ended {
        let deadline = Instant::now() + within;
        drop(self.child.stdin.take());
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "{}", self.story(&format!("did not end within {within:?}")));
            thread::sleep(Duration::from_millis(5));
        };
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        Ended { status, out: self.out(), err: self.err() }
    }

    /// Interrupts it and waits for its end.
    pub(crate) fn interrupt(self, within: Duration) -> Ended {
        self.signal("INT");
        self.wait(within)
    }

    fn story(&self, trouble: &str) -> String {
        format!("{} {trouble}\n-- out:\n{}\n-- err:\n{}", self.name, self.out(), self.err())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a program may take to start or to answer; a test never waits that long where all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a command to its end, which must be a good one, and returns its standard output.
pub(crate) fn run(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {} {said}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}
