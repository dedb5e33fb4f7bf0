//! A mail server on loopback: SMTP by `mailin`, in the clear or by TLS, keeping what it takes.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use mailin::{Action, AuthMechanism, Handler, Response, Session, SessionBuilder, response};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{
    tls::{Authority, HOST},
    until,
};

const USER: &str = "mot-cua";
pub const PASSWORD: &str = "mật khẩu gửi thư";

/// When a conversation is encrypted.
#[derive(Clone)]
enum Encryption {
    Never,
    /// As soon as the client asks for it.
    Upgrade(Arc<ServerConfig>),
    FromTheFirstByte(Arc<ServerConfig>),
}

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: Vec<String>,
    pub raw: String,
    /// Who had signed in.
    pub by: Option<String>,
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
    /// As `mail.tls` has it.
    tls: &'static str,
    state: Arc<Mutex<State>>,
}

impl MailServer {
    /// # Panics
    /// If there is no free port.
    pub fn start() -> Self {
        Self::listen(Encryption::Never, "none")
    }

    /// Takes mails of whoever signs in with [`PASSWORD`], over TLS that the client asks for.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn with_starttls(authority: &Authority) -> Self {
        Self::listen(Encryption::Upgrade(Arc::clone(&authority.server)), "starttls")
    }

    /// The same over TLS from the first byte.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn with_tls(authority: &Authority) -> Self {
        Self::listen(Encryption::FromTheFirstByte(Arc::clone(&authority.server)), "tls")
    }

    fn listen(encryption: Encryption, tls: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let state = Arc::new(Mutex::new(State::default()));
        let kept = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, encryption) = (Arc::clone(&kept), encryption.clone());
                // A client that goes away in the middle is no matter of the server's.
                std::thread::spawn(move || drop(converse(stream, state, encryption)));
            }
        });
        Self { port, tls, state }
    }

    /// The configuration that has a platform send here; attempts last some seconds at most.
    pub fn environment(&self) -> Vec<(String, String)> {
        let port = self.port.to_string();
        [
            ("MAIL__HOST", HOST),
            ("MAIL__PORT", &port),
            ("MAIL__TLS", self.tls),
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
    by: Option<String>,
}

impl Handler for Conversation {
    fn auth_plain(&mut self, _: &str, user: &str, password: &str) -> Response {
        let known = user == USER && password == PASSWORD;
        self.by = known.then(|| user.to_owned());
        if known { response::AUTH_OK } else { response::INVALID_CREDENTIALS }
    }

    fn rcpt(&mut self, to: &str) -> Response {
        let state = self.state.lock().expect("nobody panics with it");
        if state.unknown.as_deref() == Some(to) { response::NO_MAILBOX } else { response::OK }
    }

    fn data_start(&mut self, _: &str, _: &str, _: bool, to: &[String]) -> Response {
        self.mail = Mail { to: to.to_vec(), raw: String::new(), by: self.by.clone() };
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

fn converse(stream: TcpStream, state: Arc<Mutex<State>>, encryption: Encryption) -> std::io::Result<()> {
    let mail = Mail { to: Vec::new(), raw: String::new(), by: None };
    let conversation = Conversation { state, mail, by: None };
    let mut builder = SessionBuilder::new("hoi.example");
    if !matches!(encryption, Encryption::Never) {
        builder.enable_auth(AuthMechanism::Plain);
    }
    if matches!(encryption, Encryption::Upgrade(_)) {
        builder.enable_start_tls();
    }
    let mut session = builder.build(stream.peer_addr()?.ip(), conversation);
    let secured = |config, stream| {
        let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
        std::io::Result::Ok(StreamOwned::new(connection, stream))
    };
    match encryption {
        Encryption::FromTheFirstByte(config) => {
            let mut stream = secured(config, stream)?;
            session.tls_active();
            session.greeting().write_to(&mut stream)?;
            talk(&mut session, stream).map(drop)
        }
        Encryption::Never | Encryption::Upgrade(_) => {
            session.greeting().write_to(&mut &stream)?;
            let last = talk(&mut session, &stream)?;
            let (Action::UpgradeTls, Encryption::Upgrade(config)) = (last, encryption) else { return Ok(()) };
            session.tls_active();
            talk(&mut session, secured(config, stream)?).map(drop)
        }
    }
}

/// Answers line by line until the client is gone or wants TLS.
fn talk(session: &mut Session<Conversation>, stream: impl Read + Write) -> std::io::Result<Action> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(Action::Close);
        }
        let response = session.process(&line);
        if response.action != Action::NoReply {
            response.write_to(reader.get_mut())?;
            reader.get_mut().flush()?;
        }
        if matches!(response.action, Action::Close | Action::UpgradeTls) {
            return Ok(response.action);
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
