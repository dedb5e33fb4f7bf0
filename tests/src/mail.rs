//! A mail server on loopback: SMTP by `mailin`, without TLS, keeping what it takes.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mailin::{Action, Handler, Response, SessionBuilder, response};

use crate::until;

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: Vec<String>,
    pub raw: String,
}

/// What the server does with mails; tests change it.
#[derive(Default)]
struct State {
    taken: Vec<Mail>,
    /// So many more are refused for the moment.
    busy: usize,
    /// Nobody has such a mailbox.
    unknown: Option<String>,
}

#[derive(Clone)]
pub struct MailServer {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl MailServer {
    /// # Panics
    /// If there is no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(Mutex::new(State::default()));
        let kept = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&kept);
                // A client that goes away in the middle is no matter of the server's.
                std::thread::spawn(move || drop(converse(&stream, state)));
            }
        });
        Self { port, state }
    }

    /// The configuration that has a platform send here; attempts last some seconds at most.
    pub fn environment(&self) -> Vec<(String, String)> {
        let port = self.port.to_string();
        [
            ("MAIL__HOST", "127.0.0.1"),
            ("MAIL__PORT", &port),
            ("MAIL__TLS", "none"),
            ("MAIL__FROM", "Một Cửa <mot-cua@hoi.example>"),
            ("MAIL__SITE_URL", "https://hoi.example"),
            ("MAIL__TIMEOUT_MS", "2000"),
            ("NOTICES__PAUSE_MS", "100"),
        ]
        .map(|(key, value)| (format!("MOTCUA__{key}"), value.to_owned()))
        .into()
    }

    /// Refuses the next `count` mails for the moment.
    pub fn be_busy(&self, count: usize) {
        self.state().busy = count;
    }

    /// Refuses mails to that mailbox for good; `None`: knows every mailbox again.
    pub fn forget(&self, mailbox: Option<&str>) {
        self.state().unknown = mailbox.map(str::to_owned);
    }

    pub fn taken(&self) -> Vec<Mail> {
        self.state().taken.clone()
    }

    /// Waits for the `count`th mail and returns it.
    pub async fn mail(&self, count: usize) -> Mail {
        until("a mail", || async { self.taken().get(count - 1).cloned() }).await
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }
}

struct Conversation {
    state: Arc<Mutex<State>>,
    mail: Mail,
}

impl Handler for Conversation {
    fn rcpt(&mut self, to: &str) -> Response {
        let state = self.state.lock().expect("nobody panics with it");
        if state.unknown.as_deref() == Some(to) { response::NO_MAILBOX } else { response::OK }
    }

    fn data_start(&mut self, _: &str, _: &str, _: bool, to: &[String]) -> Response {
        self.mail = Mail { to: to.to_vec(), raw: String::new() };
        response::OK
    }

    fn data(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.mail.raw.push_str(&String::from_utf8_lossy(bytes));
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let mut state = self.state.lock().expect("nobody panics with it");
        if state.busy > 0 {
            state.busy -= 1;
            return response::NO_SERVICE;
        }
        state.taken.push(self.mail.clone());
        response::OK
    }
}

fn converse(stream: &TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let conversation = Conversation { state, mail: Mail { to: Vec::new(), raw: String::new() } };
    let mut session = SessionBuilder::new("hoi.example").build(stream.peer_addr()?.ip(), conversation);
    let mut writer = stream;
    session.greeting().write_to(&mut writer)?;
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let response = session.process(&line);
        if response.action != Action::NoReply {
            response.write_to(&mut writer)?;
            writer.flush()?;
        }
        if response.action == Action::Close {
            return Ok(());
        }
    }
}

impl Mail {
    pub fn header(&self, name: &str) -> &str {
        let line = self.raw.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default()
    }

    /// The decoded part of that media type.
    ///
    /// # Panics
    /// If there is none, or it is encoded in another way.
    pub fn part(&self, media_type: &str) -> String {
        let raw = self.raw.replace("\r\n", "\n");
        let start = raw.find(&format!("Content-Type: {media_type}")).expect("such a part");
        let (head, body) = raw[start..].split_once("\n\n").expect("a body");
        let boundaries = raw.split("boundary=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let ends = boundaries.filter_map(|boundary| body.find(&format!("\n--{boundary}")));
        let body = &body[..ends.min().unwrap_or(body.len())];
        let before = raw[..start].rsplit("\n--").next().unwrap_or_default();
        let encoding = [before, head].concat().to_lowercase();
        let bytes = if encoding.contains("base64") {
            BASE64_STANDARD.decode(body.replace('\n', "")).expect("base64")
        } else if encoding.contains("quoted-printable") {
            let strict = quoted_printable::ParseMode::Robust;
            quoted_printable::decode(body, strict).expect("quoted-printable")
        } else {
            body.as_bytes().to_vec()
        };
        String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n")
    }

    pub fn text(&self) -> String {
        self.part("text/plain")
    }
}
