//! Replies that a unit has saved: kept on a page of their own, put into a reply on a question's page.

use api::answering::v1::{
    DeleteSavedReplyRequest, ListSavedRepliesRequest, PutSavedReplyRequest, SavedReply,
};
use askama::Template;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Redirect},
};
use tonic::{Response, Status};

use super::{Frame, Page, asker::fresh_id, officer::show, page, sentence, typed::Typed};
use crate::{
    body::PathPart,
    fields::{Fields, Form, Query},
    organisation::Choice,
    problem::Problem,
    session::SignedIn,
    state::Gateway,
};

const PATH: &str = "/can-bo/mau";

#[derive(Template)]
#[template(path = "saved.html")]
struct SavedPage {
    frame: Frame,
    error: String,
    /// Of which unit; empty: none is chosen yet, by somebody of all units.
    unit: String,
    unit_name: String,
    /// To choose from; empty: the caller is of one unit.
    units: Vec<Choice>,
    replies: Vec<Reply>,
    fresh_id: String,
    /// What was typed for a new one, kept when it is refused.
    title: String,
    text: String,
}

/// A saved reply, and what its form says.
struct Reply {
    saved: SavedReply,
    title: String,
    text: String,
    /// Something else than what is saved was typed.
    changed: bool,
}

impl Reply {
    fn new(saved: SavedReply) -> Self {
        Self { title: saved.title.clone(), text: saved.text.clone(), changed: false, saved }
    }
}

/// Gives what was typed back to the reply that it is of; title and text of a new one, if none of these is.
fn place(replies: &mut [Reply], fields: &Fields) -> (String, String) {
    let (id, typed) = (fields.text("id"), (fields.text("title"), fields.text("text")));
    let is_new = fields.text("version").is_empty();
    match replies.iter_mut().find(|reply| !is_new && reply.saved.saved_reply_id == id) {
        Some(reply) => {
            (reply.title, reply.text) = typed;
            reply.changed = true;
            (String::new(), String::new())
        }
        None => typed,
    }
}

/// A unit's own; none while answering cannot be reached: the page is of use without.
pub(super) async fn choices(gateway: &Gateway, caller: &SignedIn, unit: &str) -> Vec<Choice> {
    let saved = list_of(gateway, caller, unit).await.unwrap_or_default();
    saved.into_iter().map(|reply| Choice { code: reply.saved_reply_id, name: reply.title }).collect()
}

async fn list_of(gateway: &Gateway, caller: &SignedIn, unit: &str) -> Result<Vec<SavedReply>, Problem> {
    let request = gateway.ask(ListSavedRepliesRequest { unit: unit.to_owned() });
    let listed = gateway.saved_replies(Some(&caller.token)).list_saved_replies(request).await?;
    Ok(listed.into_inner().saved_replies)
}

fn unit_of(caller: &SignedIn, fields: &Fields) -> String {
    caller.principal.unit.clone().unwrap_or_else(|| fields.text("unit"))
}

pub(super) async fn list(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Query(query): Query,
) -> Page {
    show_list(&gateway, frame, &caller, &query, None).await
}

async fn show_list(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    fields: &Fields,
    refused: Option<&Problem>,
) -> Page {
    let unit = unit_of(caller, fields);
    let replies = if unit.is_empty() { Vec::new() } else { list_of(gateway, caller, &unit).await? };
    let organisation = gateway.organisation().await;
    let mut replies: Vec<Reply> = replies.into_iter().map(Reply::new).collect();
    let (title, text) = if refused.is_some() { place(&mut replies, fields) } else { Default::default() };
    let template = SavedPage {
        error: refused.map(|problem| sentence(frame.language, problem)).unwrap_or_default(),
        unit_name: organisation.unit_name(&unit),
        units: if caller.principal.unit.is_none() { organisation.units() } else { Vec::new() },
        replies,
        fresh_id: fresh_id(),
        title,
        text,
        unit,
        frame,
    };
    page(refused.map_or(StatusCode::OK, |problem| problem.status), &template)
}

async fn done<T>(
    gateway: &Gateway,
    frame: Frame,
    caller: &SignedIn,
    fields: &Fields,
    outcome: Result<Response<T>, Status>,
) -> Page {
    match outcome {
        Ok(_) => {
            let unit = super::segment(&fields.text("unit"));
            Ok(Redirect::to(&format!("{PATH}?unit={unit}")).into_response())
        }
        Err(status) => show_list(gateway, frame, caller, fields, Some(&status.into())).await,
    }
}

pub(super) async fn put(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Form(fields): Form,
) -> Page {
    let request = PutSavedReplyRequest {
        saved_reply_id: fields.text("id"),
        unit: unit_of(&caller, &fields),
        title: fields.text("title"),
        text: fields.text("text"),
        version: fields.number("version")?,
    };
    let outcome = gateway.saved_replies(Some(&caller.token)).put_saved_reply(gateway.ask(request)).await;
    done(&gateway, frame, &caller, &fields, outcome).await
}

pub(super) async fn delete(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    Form(fields): Form,
) -> Page {
    let request =
        DeleteSavedReplyRequest { saved_reply_id: fields.text("id"), version: fields.number("version")? };
    let outcome = gateway.saved_replies(Some(&caller.token)).delete_saved_reply(gateway.ask(request)).await;
    done(&gateway, frame, &caller, &fields, outcome).await
}

/// The words of one, for a script that puts them where the cursor is.
pub(super) async fn words_of(
    State(gateway): State<Gateway>,
    caller: SignedIn,
    PathPart(id): PathPart,
    Query(query): Query,
) -> Page {
    let text = text_of(&gateway, &caller, &unit_of(&caller, &query), &id).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

async fn text_of(gateway: &Gateway, caller: &SignedIn, unit: &str, id: &str) -> Result<String, Problem> {
    let saved = list_of(gateway, caller, unit).await?.into_iter().find(|reply| reply.saved_reply_id == id);
    saved.map(|reply| reply.text).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "SAVED_REPLY_NOT_FOUND"))
}

/// Without a script: after what is typed, and the page is shown again.
pub(super) async fn insert(
    State(gateway): State<Gateway>,
    frame: Frame,
    caller: SignedIn,
    PathPart(ticket_id): PathPart,
    Form(fields): Form,
) -> Page {
    let mut typed = Typed::of_reply(&fields)?;
    let id = fields.text("saved");
    if !id.is_empty() {
        let saved = text_of(&gateway, &caller, &unit_of(&caller, &fields), &id).await?;
        let before = typed.text.take().unwrap_or_default();
        let parts = [before.trim_end(), saved.as_str()].into_iter().filter(|part| !part.is_empty());
        typed.text = Some(parts.collect::<Vec<_>>().join("\n\n"));
    }
    show(&gateway, frame, &caller, ticket_id, typed, None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_to_its_reply_or_is_a_new_one() {
        let saved = SavedReply {
            saved_reply_id: "a".into(),
            title: "Chào".into(),
            text: "Kính gửi".into(),
            ..SavedReply::default()
        };
        let mut replies = [Reply::new(saved)];
        let sent = |fields: &[u8]| Fields::parse(fields).unwrap();
        assert_eq!(place(&mut replies, &sent(b"id=b&title=x&text=y")), ("x".into(), "y".into()));
        // It was deleted meanwhile.
        assert_eq!(place(&mut replies, &sent(b"id=b&version=1&title=x&text=y")).1, "y");
        assert!(!replies[0].changed);
        assert_eq!(place(&mut replies, &sent(b"id=a&version=1&title=x&text=y")).1, "");
        assert!(replies[0].changed);
        assert_eq!((replies[0].text.as_str(), replies[0].saved.text.as_str()), ("y", "Kính gửi"));
    }
}
