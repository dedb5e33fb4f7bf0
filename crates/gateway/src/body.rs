//! Request and response bodies in canonical protobuf JSON.

use axum::{
    Json,
    body::Body,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures::StreamExt as _;
use serde::{Serialize, de::DeserializeOwned};

use crate::{problem::Problem, state::Gateway};

/// What is read of a body beyond its limit, in bytes: answering before the client has finished
/// sending would show it a broken connection in place of the problem.
const DRAIN_MAX: usize = 4 * 1024 * 1024;
const DETAIL_MAX: usize = 300;

/// Reads a body of at most `max` bytes.
pub(crate) async fn read(body: Body, max: usize) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut seen = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::invalid("BODY_UNREADABLE"))?;
        seen += chunk.len();
        if seen <= max {
            bytes.extend_from_slice(&chunk);
        } else if seen > max + DRAIN_MAX {
            break;
        }
    }
    if seen > max {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE")
            .detail(format!("the body may have {max} bytes")));
    }
    Ok(bytes)
}

/// A protobuf message as the request's JSON body.
pub(crate) struct Message<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Gateway> for Message<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Problem> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .and_then(|v| v.split(';').next())
            .is_some_and(|v| v.trim().eq_ignore_ascii_case("application/json"));
        let bytes = read(request.into_body(), gateway.config().body_max_bytes).await?;
        if !is_json {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BODY_NOT_JSON")
                .detail("send application/json"));
        }
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::invalid("BODY_NOT_UTF8"))?;
    serde_json::from_str(text).map_err(|error| {
        let reason = if error.is_data() { "BODY_INVALID" } else { "BODY_MALFORMED" };
        Problem::invalid(reason).detail(error.to_string().chars().take(DETAIL_MAX).collect::<String>())
    })
}

/// The one variable part of the route's path.
pub(crate) struct PathPart(pub String);

impl FromRequestParts<Gateway> for PathPart {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, gateway).await {
            Ok(Path(part)) => Ok(Self(part)),
            Err(_) => Err(Problem::invalid("ENCODING_INVALID")),
        }
    }
}

impl PathPart {
    /// Sets a message's field to the path's part; the body may leave it out or repeat it.
    pub fn merge(self, field: &mut String, name: &'static str) -> Result<(), Problem> {
        if !field.is_empty() && *field != self.0 {
            return Err(Problem::invalid("PATH_BODY_MISMATCH").field(name, "differs from the path"));
        }
        *field = self.0;
        Ok(())
    }
}

/// A message as the response's JSON body.
pub(crate) fn reply<T: Serialize>(status: StatusCode, message: &T) -> Result<Response, Problem> {
    // A peer that is newer than us may answer with an enum value that has no name here.
    let value = serde_json::to_value(message).map_err(|error| {
        tracing::error!(%error, "a peer's answer has no JSON");
        Problem::internal()
    })?;
    Ok((status, Json(value)).into_response())
}

#[cfg(test)]
mod tests {
    use api::intake::v1::SubmitQuestionRequest;

    use super::*;

    fn reason(body: &[u8]) -> String {
        parse::<SubmitQuestionRequest>(body).unwrap_err().reason.into_owned()
    }

    #[test]
    fn what_is_not_the_message_is_refused() {
        assert_eq!(reason(b""), "BODY_MALFORMED");
        assert_eq!(reason(b"{\"text\":"), "BODY_MALFORMED");
        assert_eq!(reason(b"{\"text\":\"\xff\"}"), "BODY_NOT_UTF8");
        assert_eq!(reason(b"{\"colour\":1}"), "BODY_INVALID");
        assert_eq!(reason(b"{\"kind\":\"KIND_SONG\"}"), "BODY_INVALID");
        assert_eq!(reason(b"{\"text\":7}"), "BODY_INVALID");
        assert_eq!(reason(b"[]"), "BODY_INVALID");
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused() {
        assert_eq!(read(Body::from("1234"), 4).await.unwrap(), b"1234");
        let problem = read(Body::from("12345"), 4).await.unwrap_err();
        assert_eq!(problem.status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn the_path_wins_and_may_be_repeated() {
        let mut field = String::new();
        PathPart("a".into()).merge(&mut field, "ticketId").unwrap();
        assert_eq!(field, "a");
        PathPart("a".into()).merge(&mut field, "ticketId").unwrap();
        let problem = PathPart("b".into()).merge(&mut field, "ticketId").unwrap_err();
        assert_eq!(problem.first_field(), Some("ticketId"));
    }
}
