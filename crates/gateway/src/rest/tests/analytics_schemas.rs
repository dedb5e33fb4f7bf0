use api::{Timestamp, analytics::v1 as analytics, intake::v1::Place};

use super::Checked;

pub(super) fn check(checked: &mut Checked) {
    use analytics::{
        DeadLetter, DriftPoint, GetDeadlinesResponse, GetDriftResponse, GetHotnessResponse,
        GetSatisfactionResponse, HotnessPoint, ListDeadLettersResponse, RedriveDeadLettersRequest,
        RedriveDeadLettersResponse, SatisfactionGroup, UnitDeadlines,
    };
    overview(checked);
    checked.message("HotnessPoint", &HotnessPoint::default());
    checked.message("GetHotnessResponse", &GetHotnessResponse::default());
    checked.message("UnitDeadlines", &UnitDeadlines { on_time_share: Some(1.0), ..Default::default() });
    checked.message("GetDeadlinesResponse", &GetDeadlinesResponse::default());
    checked.message("SatisfactionGroup", &SatisfactionGroup::default());
    checked.message("DriftPoint", &DriftPoint::default());
    checked.message("GetDriftResponse", &GetDriftResponse::default());
    checked.message("GetSatisfactionResponse", &GetSatisfactionResponse::default());
    checked.message(
        "DeadLetter",
        &DeadLetter { failed_at: Some(Timestamp::default()), ..DeadLetter::default() },
    );
    checked.message("ListDeadLettersResponse", &ListDeadLettersResponse::default());
    checked.message("RedriveDeadLettersRequest", &RedriveDeadLettersRequest::default());
    checked.message("RedriveDeadLettersResponse", &RedriveDeadLettersResponse::default());
}

fn overview(checked: &mut Checked) {
    use analytics::{
        ArrivalPoint, Bottleneck, CountedTicket, GetOverviewResponse, HotField, ListTicketsResponse,
        RatingFigures, ReportPoint, Standing, TicketOutcome, TicketsOf, Trend, UnitFigures,
    };
    let at = Some(Timestamp::default());
    let place = Some(Place::default());
    checked.values::<Trend>("Trend", Trend::as_str_name);
    checked.values::<TicketsOf>("TicketsOf", TicketsOf::as_str_name);
    checked.values::<TicketOutcome>("TicketOutcome", TicketOutcome::as_str_name);
    let standing = Standing { on_time_share: Some(1.0), ..Standing::default() };
    checked.message("Standing", &standing);
    checked.message("RatingFigures", &RatingFigures::default());
    checked.message("ArrivalPoint", &ArrivalPoint { since: at, asked: 0 });
    let hot = HotField { ratio_low: Some(1.0), ratio_high: Some(1.0), ..HotField::default() };
    checked.message("HotField", &hot);
    let ratings = Some(RatingFigures::default());
    let unit = UnitFigures { standing: Some(standing), ratings, ..UnitFigures::default() };
    checked.message("UnitFigures", &unit);
    checked.message("Bottleneck", &Bottleneck::default());
    checked.message("ReportPoint", &ReportPoint { place, ..ReportPoint::default() });
    let (as_of, since, standing) = (at, at, Some(standing));
    let overview = GetOverviewResponse { as_of, since, standing, ratings, ..GetOverviewResponse::default() };
    checked.message("GetOverviewResponse", &overview);
    let ticket =
        CountedTicket { asked_at: at, answered_at: at, due_at: at, place, ..CountedTicket::default() };
    checked.message("CountedTicket", &ticket);
    checked.message("ListTicketsResponse", &ListTicketsResponse::default());
}
