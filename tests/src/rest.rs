//! The REST surface, as a client sees it.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::until;

/// A client of one platform, with or without a token.
#[derive(Clone)]
pub struct Rest {
    client: Client,
    base: String,
    token: Option<String>,
    session: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub content_type: String,
    pub text: String,
}

impl Reply {
    /// # Panics
    /// If the body is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body of a success.
    ///
    /// # Panics
    /// If it is none.
    pub fn ok(self) -> Value {
        assert!(self.status.is_success(), "{self:?}");
        self.json()
    }

    /// Checks that it is a problem of that status and reason.
    ///
    /// # Panics
    /// If it is not.
    pub fn refused(&self, status: u16, reason: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.content_type, "application/problem+json", "{self:?}");
        assert_eq!(self.json()["reason"], reason, "{self:?}");
    }
}

/// An HTTP client: each wants the process's TLS provider to be there.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

impl Rest {
    pub fn new(base: &str) -> Self {
        Self { client: client(), base: base.to_owned(), token: None, session: None }
    }

    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// As a browser that is signed in.
    #[must_use]
    pub fn with_session(mut self, token: &str) -> Self {
        self.session = Some(token.to_owned());
        self
    }

    /// `None`: nobody answered.
    pub async fn send(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Option<Reply> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(session) = &self.session {
            request = request.header("cookie", format!("motcua_session={session}"));
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status();
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        Some(Reply { status, content_type, text: response.text().await.ok()? })
    }

    /// # Panics
    /// If nobody answers.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await.expect("somebody answers")
    }

    /// # Panics
    /// If nobody answers.
    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(Method::POST, path, Some(body.to_string().into_bytes())).await.expect("somebody answers")
    }

    /// A page as a browser shows it that has signed in; `form`, already encoded, is posted.
    ///
    /// # Panics
    /// If nobody answers.
    pub async fn page(&self, path: &str, form: Option<String>) -> Reply {
        let form = form.map(|form| ("application/x-www-form-urlencoded".to_owned(), form.into_bytes()));
        self.browse(path, form).await
    }

    /// The page that a form with a file leads to.
    ///
    /// # Panics
    /// If nobody answers.
    pub async fn upload(&self, path: &str, name: &str, file_name: &str, file: &[u8]) -> Reply {
        const BOUNDARY: &str = "----part-of-the-form";
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\r\n"
        );
        let body = [head.as_bytes(), file, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
        self.browse(path, Some((format!("multipart/form-data; boundary={BOUNDARY}"), body))).await
    }

    async fn browse(&self, path: &str, posted: Option<(String, Vec<u8>)>) -> Reply {
        let method = if posted.is_some() { Method::POST } else { Method::GET };
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("cookie", format!("motcua_session={token}"));
        }
        if let Some((content_type, body)) = posted {
            request = request.header("content-type", content_type).body(body);
        }
        let response = request.send().await.expect("somebody answers");
        let status = response.status();
        Reply { status, content_type: String::new(), text: response.text().await.expect("a page") }
    }

    /// Asks; returns (ticket id, tracking code).
    pub async fn ask(&self, text: &str) -> (String, String) {
        let reply = self.post("/api/v1/questions", &question(text)).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        let json = reply.json();
        let get = |key: &str| json[key].as_str().expect("a text").to_owned();
        (get("ticketId"), get("trackingCode"))
    }

    /// The ticket as officers see it, once it is drafted in `version` or later.
    pub async fn drafted(&self, ticket_id: &str) -> Value {
        until("a draft", || async move {
            let reply = self.get(&format!("/api/v1/tickets/{ticket_id}")).await;
            let found = reply.status.is_success().then(|| reply.json());
            found.filter(|json| json["state"] == "ANSWER_STATE_DRAFTED")
        })
        .await
    }

    /// Approves what is drafted, with `text` or the draft's own.
    pub async fn approve(&self, ticket_id: &str, text: Option<&str>) -> Value {
        let ticket = self.drafted(ticket_id).await;
        let text = text.map_or_else(|| ticket["draft"]["text"].clone(), |text| json!(text));
        let body = json!({"text": text, "version": ticket["draft"]["version"]});
        self.post(&format!("/api/v1/tickets/{ticket_id}/approve"), &body).await.ok()
    }

    /// The ticket as its asker sees it, once it is in `state`.
    pub async fn followed(&self, code: &str, state: &str) -> Value {
        until(state, || async move {
            let json = self.get(&format!("/api/v1/questions/{code}")).await.ok();
            (json["state"] == state).then_some(json)
        })
        .await
    }

    /// Waits until every fact so far has had its effects.
    pub async fn settle(&self) {
        until("the platform to settle", || async move {
            let reply = self.send(Method::GET, "/api/v1/lag", None).await?;
            let lag = reply.status.is_success().then(|| reply.json())?;
            let consumers = lag["consumers"].as_object().expect("a map");
            let busy = consumers.values().chain([&lag["outbox"], &lag["index"]]).any(|waiting| waiting != 0);
            (!busy && !consumers.is_empty()).then_some(())
        })
        .await;
    }
}

/// A submission under a fresh request id.
pub fn question(text: &str) -> Value {
    json!({
        "requestId": Uuid::now_v7(),
        "kind": "KIND_QUESTION",
        "text": text,
        "asker": {"name": "Người Thử Nghiệm"},
    })
}
