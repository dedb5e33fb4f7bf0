//! Mail by SMTP.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use super::{NotSent, Notice, Notifier};
use crate::config::{Mail, MailTls};

/// Sends mail from the site's address.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    site_url: String,
    timeout: Duration,
}

impl Mailer {
    /// `None`: mail is off.
    pub fn try_new(config: &Mail) -> anyhow::Result<Option<Self>> {
        if config.host.is_empty() {
            return Ok(None);
        }
        let from =
            config.from.parse().context("mail.from is no mailbox like `Một Cửa <mot-cua@tinh.gov.vn>`")?;
        let site_url = config.site_url.trim_end_matches('/').to_owned();
        ensure!(
            site_url.starts_with("https://") || site_url.starts_with("http://"),
            "mail.site_url is not set: links in mails lead there"
        );
        let loopback = matches!(config.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        let (tls, usual_port) = match config.tls {
            MailTls::Starttls => (Tls::Required(TlsParameters::new(config.host.clone())?), 587),
            MailTls::Tls => (Tls::Wrapper(TlsParameters::new(config.host.clone())?), 465),
            MailTls::None => {
                ensure!(loopback, "mail.tls is none: contacts would leave this machine in the clear");
                (Tls::None, 25)
            }
        };
        let timeout = Duration::from_millis(config.timeout_ms);
        let port = if config.port == 0 { usual_port } else { config.port };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(port)
            .tls(tls)
            .timeout(Some(timeout));
        if !config.user.is_empty() {
            let password = config.password.expose().to_owned();
            transport = transport.credentials(Credentials::new(config.user.clone(), password));
        }
        Ok(Some(Self { transport: transport.build(), from, site_url, timeout }))
    }

    /// Where the site's pages are, without a slash at the end.
    pub fn site_url(&self) -> &str {
        &self.site_url
    }

    fn message(&self, notice: Notice) -> Result<Message, NotSent> {
        let bad = |_| NotSent::Never("ADDRESS_NOT_VALID".to_owned());
        let id = format!("<{}@{}>", notice.id, self.from.email.domain());
        let mut message =
            Message::builder().from(self.from.clone()).message_id(Some(id)).subject(notice.subject);
        for to in &notice.to {
            message = message.to(to.trim().parse().map_err(bad)?);
        }
        if !notice.unsubscribe.is_empty() {
            message = message
                .raw_header(header("List-Unsubscribe", format!("<{}>", notice.unsubscribe)))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        let words = MultiPart::alternative_plain_html(notice.text, notice.html);
        let mut parts = MultiPart::mixed().multipart(words);
        for attachment in notice.attachments {
            let media_type = ContentType::parse(attachment.media_type)
                .map_err(|_| NotSent::Never("MEDIA_TYPE_NOT_VALID".to_owned()))?;
            parts = parts.singlepart(attached(attachment.name, attachment.bytes, media_type));
        }
        message.multipart(parts).map_err(|_| NotSent::Never("MESSAGE_NOT_VALID".to_owned()))
    }
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

fn attached(name: String, bytes: Vec<u8>, media_type: ContentType) -> SinglePart {
    Attachment::new(name).body(bytes, media_type)
}

impl Notifier for Mailer {
    fn patience(&self) -> Duration {
        self.timeout * 2
    }

    async fn send(&self, notice: Notice) -> Result<(), NotSent> {
        let message = self.message(notice)?;
        // Apart from the sending itself: what fails here was certainly not taken.
        match tokio::time::timeout(self.timeout, self.transport.test_connection()).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false) | Err(_)) | Err(_) => return Err(NotSent::Later("MAIL_SERVER_AWAY".to_owned())),
        }
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(not_sent(&error)),
            Err(_) => Err(NotSent::Unsure("TIMEOUT".to_owned())),
        }
    }
}

/// The server's code decides; its words may name the recipient and go nowhere.
fn not_sent(error: &lettre::transport::smtp::Error) -> NotSent {
    match error.status() {
        Some(code) if error.is_permanent() => NotSent::Never(format!("SMTP_{code}")),
        Some(code) => NotSent::Later(format!("SMTP_{code}")),
        None if error.is_client() => NotSent::Never("MESSAGE_NOT_VALID".to_owned()),
        None => NotSent::Unsure("BROKEN_OFF".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn config() -> Mail {
        Mail {
            host: "127.0.0.1".into(),
            tls: MailTls::None,
            from: "Một Cửa <mot-cua@hoi.gov.vn>".into(),
            site_url: "https://hoi.gov.vn/".into(),
            ..Mail::default()
        }
    }

    #[test]
    fn off_by_default_and_never_in_the_clear_beyond_this_machine() {
        assert!(Mailer::try_new(&Mail::default()).unwrap().is_none());
        assert!(Mailer::try_new(&config()).unwrap().is_some());
        for wrong in [
            Mail { host: "mail.hoi.gov.vn".into(), ..config() },
            Mail { from: "mot-cua".into(), ..config() },
            Mail { site_url: String::new(), ..config() },
        ] {
            assert!(Mailer::try_new(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_mail_says_the_same_id_at_every_attempt_and_smuggles_nothing() {
        let mailer = Mailer::try_new(&config()).unwrap().unwrap();
        let notice = |to: &str| Notice {
            id: Uuid::nil(),
            to: vec![to.to_owned()],
            subject: "Đã trả lời\r\nBcc: x@y.vn".into(),
            text: "Chào".into(),
            ..Notice::default()
        };
        let written =
            String::from_utf8(mailer.message(notice("An <an@vd.vn>")).unwrap().formatted()).unwrap();
        assert!(written.contains(&format!("Message-ID: <{}@hoi.gov.vn>", Uuid::nil())), "{written}");
        assert!(!written.contains("\r\nBcc"), "{written}");
        for bad in ["an@vd.vn\r\nBcc: x@y.vn", "an", "@", ""] {
            let refused = mailer.message(notice(bad)).unwrap_err();
            assert_eq!(refused, NotSent::Never("ADDRESS_NOT_VALID".into()), "{bad}");
        }
    }
}
