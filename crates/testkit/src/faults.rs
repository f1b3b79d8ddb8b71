//! A proxy that makes an HTTP server fail: it passes requests on, one a connection, but for those a rule takes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What happens to a request instead of being answered.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// It is answered with `503 Service Unavailable`.
    Refuse,
    /// The connection is cut when half of its body has arrived.
    CutRequest,
    /// It reaches the server, and the connection is cut before the answer.
    LoseAnswer,
    /// The connection is cut when half of the answer's body has gone out.
    CutAnswer,
    /// It is passed on after this time.
    Delay(Duration),
    /// It is passed on with a pause of this length in the middle of its body, whether or not the client still waits.
    Stall(Duration),
    /// It is answered with `403 Forbidden`, as a policy or an object lock does.
    Deny,
}

struct Rule {
    takes: Box<dyn Fn(&str) -> bool + Send>,
    trouble: Trouble,
    left: usize,
}

struct Shared {
    server: u16,
    rules: Mutex<Vec<Rule>>,
    troubled: AtomicUsize,
    passed: AtomicUsize,
}

/// A proxy before a server of this machine. It ends with the process.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Starts a proxy before the server on this port.
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let shared = Arc::new(Shared {
            server,
            rules: Mutex::default(),
            troubled: AtomicUsize::new(0),
            passed: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&serving);
                // a connection that breaks is what this is for
                std::thread::spawn(move || shared.serve(&client));
            }
        });
        Self { port, shared }
    }

    /// Returns its URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets the next `times` requests whose first line `takes` accepts run into trouble.
    pub fn trouble(&self, times: usize, trouble: Trouble, takes: impl Fn(&str) -> bool + Send + 'static) {
        let rule = Rule { takes: Box::new(takes), trouble, left: times };
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner).push(rule);
    }

    /// Ends all trouble.
    pub fn calm(&self) {
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Returns how many requests ran into trouble.
    pub fn troubled(&self) -> usize {
        self.shared.troubled.load(Ordering::SeqCst)
    }

    /// Returns how many requests were passed on.
    pub fn passed(&self) -> usize {
        self.shared.passed.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn trouble_for(&self, line: &str) -> Option<Trouble> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = rules.iter_mut().find(|rule| rule.left > 0 && (rule.takes)(line))?;
        rule.left -= 1;
        self.troubled.fetch_add(1, Ordering::SeqCst);
        Some(rule.trouble)
    }

    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let line = head.lines().next().unwrap_or_default().to_owned();
        let length = content_length(&head);
        let trouble = self.trouble_for(&line);
        let taken = if matches!(trouble, Some(Trouble::CutRequest)) { length / 2 } else { length };
        let mut body = vec![0; taken];
        reader.read_exact(&mut body)?;
        match trouble {
            Some(Trouble::CutRequest) => return client.shutdown(Shutdown::Both),
            Some(Trouble::Refuse) => {
                return answer(client, "503 Service Unavailable", "SlowDown", "Please reduce your rate.");
            }
            Some(Trouble::Deny) => {
                return answer(client, "403 Forbidden", "AccessDenied", "Access Denied by policy.");
            }
            Some(Trouble::Delay(time)) => std::thread::sleep(time),
            _ => {}
        }
        self.passed.fetch_add(1, Ordering::SeqCst);
        let server = TcpStream::connect(("127.0.0.1", self.server))?;
        // one request a connection: the end of the answer is the end of the connection
        let (first, rest) = head.split_once("\r\n").unwrap_or((&head, ""));
        write!(&server, "{first}\r\nConnection: close\r\n{rest}")?;
        let (body, rest) = match trouble {
            Some(Trouble::Stall(_)) => body.split_at(length / 2),
            _ => (&body[..], &[][..]),
        };
        (&server).write_all(body)?;
        if let Some(Trouble::Stall(time)) = trouble {
            std::thread::sleep(time);
        }
        (&server).write_all(rest)?;
        let mut answer = Vec::new();
        (&server).read_to_end(&mut answer)?;
        match trouble {
            Some(Trouble::LoseAnswer) => return client.shutdown(Shutdown::Both),
            Some(Trouble::CutAnswer) => {
                let body = answer.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
                answer.truncate(body + (answer.len() - body) / 2);
            }
            _ => {}
        }
        (&*client).write_all(&answer)?;
        client.shutdown(Shutdown::Both)
    }
}

/// Answers a request in the server's place.
fn answer(client: &TcpStream, status: &str, code: &str, message: &str) -> io::Result<()> {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let length = body.len();
    write!(&*client, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn content_length(head: &str) -> usize {
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    };
    head.lines().find_map(value).unwrap_or(0)
}
