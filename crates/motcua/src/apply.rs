//! `motcua apply -f org.toml`: what a file changes in the organisation of a running platform, and then
//! the change itself, all or nothing.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use api::routing::v1::{
    ApplyOrganisationRequest, OrganisationChange, OrganisationStep, OrganisationThing,
    PlanOrganisationRequest, PlanOrganisationResponse,
};
use uuid::Uuid;

use crate::{
    client,
    output::{complain, say},
    settings::Settings,
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: client::Args,
    /// The organisation: agencies, units, fields, rules, and from when.
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Shows the plan and does nothing.
    #[arg(long)]
    dry_run: bool,
    /// Drops what is planned for later than the file's day.
    #[arg(long)]
    replace_planned: bool,
}

pub async fn run(settings: &Settings, args: &Args) -> anyhow::Result<()> {
    let name = args.file.display();
    let file = std::fs::read_to_string(&args.file).with_context(|| format!("{name}"))?;
    let client = args.server.connect(settings)?;
    let refused = |status: tonic::Status| anyhow!("{name}: {}", status.message());
    let replace_planned = args.replace_planned;
    let plan = PlanOrganisationRequest { file: file.clone(), replace_planned };
    let plan = client.plan(plan).await.map_err(refused)?;
    for note in &plan.notes {
        complain(&format!("note: {note}"));
    }
    if plan.steps.is_empty() {
        return say(&format!("there is nothing to do: version {} says the same", plan.version));
    }
    say(&described(&plan))?;
    if args.dry_run {
        return say("nothing was done");
    }
    let request_id = Uuid::new_v4().to_string();
    let request = ApplyOrganisationRequest { request_id, file, replace_planned, version: plan.version };
    let applied = client.apply(request).await.map_err(refused)?;
    say(&format!("applied: version {}", applied.version))
}

fn described(plan: &PlanOrganisationResponse) -> String {
    let from = api::time(plan.valid_from.as_ref()).map(|at| at.to_rfc3339()).unwrap_or_default();
    let steps = plan.steps.iter().map(line);
    std::iter::once(format!("from {from}:")).chain(steps).collect::<Vec<_>>().join("\n")
}

fn line(step: &OrganisationStep) -> String {
    let change = match step.change() {
        OrganisationChange::Unspecified | OrganisationChange::Changed => "change",
        OrganisationChange::Added => "add",
        OrganisationChange::Renamed => "rename",
        OrganisationChange::Merged => "merge",
        OrganisationChange::Split => "split",
        OrganisationChange::Closed => "close",
        OrganisationChange::Dropped => "drop",
    };
    let thing = match step.thing() {
        OrganisationThing::Unspecified => "thing",
        OrganisationThing::Agency => "agency",
        OrganisationThing::Unit => "unit",
        OrganisationThing::Field => "field",
        OrganisationThing::Rules => "rules",
        OrganisationThing::Desk => "desk",
        OrganisationThing::Former => "former unit",
    };
    let said = [step.code.clone(), step.into.join(", "), step.detail.clone()];
    let [code, into, detail] = said.map(|said| if said.is_empty() { said } else { format!(" {said}") });
    let into = if into.is_empty() { into } else { format!(" into{into}") };
    let detail = if detail.is_empty() { detail } else { format!(":{detail}") };
    format!("  {change:<7}{thing}{code}{into}{detail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_as_one_line_a_step() {
        let step = |change: OrganisationChange, thing: OrganisationThing, code: &str, into: &[&str]| {
            OrganisationStep {
                change: change.into(),
                thing: thing.into(),
                code: code.to_owned(),
                into: into.iter().map(|&code| code.to_owned()).collect(),
                detail: String::new(),
            }
        };
        let mut added = step(OrganisationChange::Added, OrganisationThing::Unit, "ai", &[]);
        added.detail = "AI (agency a)".to_owned();
        let split = step(OrganisationChange::Split, OrganisationThing::Unit, "law", &["x", "y"]);
        let rules = step(OrganisationChange::Changed, OrganisationThing::Rules, "", &[]);
        let plan = PlanOrganisationResponse {
            valid_from: Some(api::timestamp(chrono::DateTime::UNIX_EPOCH)),
            steps: vec![added, split, rules],
            ..PlanOrganisationResponse::default()
        };
        let lines = "from 1970-01-01T00:00:00+00:00:\n  add    unit ai: AI (agency a)\n  split  unit law into x, y\n  change rules";
        assert_eq!(described(&plan), lines);
    }
}
