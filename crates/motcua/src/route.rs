//! `motcua route --explain TEXT`: where a running platform would send a text, and why.

use api::routing::v1::{ExplainRoutingRequest, ExplainRoutingResponse, RoutingReason};

use crate::{client::Client, output::say};

pub async fn run(client: &Client, text: String, field: String) -> anyhow::Result<()> {
    say(&sentence(&client.explain(ExplainRoutingRequest { text, field }).await?))
}

fn sentence(explained: &ExplainRoutingResponse) -> String {
    let reason = match explained.reason() {
        RoutingReason::Rule => &format!("rule {} says so", explained.rule),
        RoutingReason::AskerChoice => "the asker's field is its",
        RoutingReason::Neighbours => "questions like it are its",
        _ => "no unit is likely enough",
    };
    let field = if explained.field.is_empty() { "" } else { ", field " };
    let first = format!("{}{field}{}: {reason}", explained.unit, explained.field);
    let suggestions = explained.suggestions.iter().map(|one| {
        let (probability, least) = (one.probability, one.confidence_min);
        format!("  {:<40} {probability:.3} (alone from {least:.3})", one.unit)
    });
    std::iter::once(first).chain(suggestions).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use api::routing::v1::UnitSuggestion;

    use super::*;

    #[test]
    fn it_says_who_and_why_and_whom_it_thought_of() {
        let mut explained = ExplainRoutingResponse { unit: "desk".into(), ..Default::default() };
        explained.set_reason(RoutingReason::Desk);
        explained.suggestions.push(UnitSuggestion {
            unit: "law".into(),
            field: String::new(),
            probability: 0.5,
            confidence_min: 0.65,
        });
        let said = sentence(&explained);
        assert!(said.starts_with("desk: no unit is likely enough\n  law "), "{said}");
        assert!(said.ends_with("0.500 (alone from 0.650)"), "{said}");
        let mut explained =
            ExplainRoutingResponse { unit: "law".into(), rule: "law-first".into(), ..Default::default() };
        explained.set_reason(RoutingReason::Rule);
        assert_eq!(sentence(&explained), "law: rule law-first says so");
    }
}
