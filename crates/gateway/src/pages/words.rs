//! How codes, times and numbers read on pages.

use api::{
    Timestamp,
    answering::v1::AnswerState,
    intake::v1::{Kind, Milestone, TicketState},
    knowledge::v1::{Band, Change, PassageState, ReviewReason},
    routing::v1::{Deadline, DeadlineEnding, DeadlineStep, SpanUnit, WaitsFor},
};
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use runtime::{Principal, RoleName};

use crate::organisation::Choice;

const HOUR: i32 = 3600;

/// Asia/Ho_Chi_Minh has had this offset, without summer time, since 1975.
fn local(at: Option<&Timestamp>) -> Option<DateTime<FixedOffset>> {
    Some(api::time(at)?.with_timezone(&FixedOffset::east_opt(7 * HOUR)?))
}

/// Day and time, like `22/11/2026 17:00`; empty when absent.
pub(super) fn moment(at: Option<&Timestamp>) -> String {
    local(at).map_or_else(String::new, |at| at.format("%d/%m/%Y %H:%M").to_string())
}

pub(super) fn is_past(at: Option<&Timestamp>, now: DateTime<Utc>) -> bool {
    api::time(at).is_some_and(|at| at < now)
}

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "",
        Kind::Question => "Câu hỏi",
        Kind::Recommendation => "Kiến nghị",
        Kind::Report => "Phản ánh",
        Kind::Opinion => "Xin ý kiến",
    }
}

pub(super) fn kinds() -> Vec<Choice> {
    [Kind::Question, Kind::Recommendation, Kind::Report, Kind::Opinion]
        .map(|k| Choice { code: k.as_str_name().to_owned(), name: kind(k).to_owned() })
        .into()
}

pub(super) fn ticket_state(state: TicketState) -> &'static str {
    match state {
        TicketState::Unspecified => "Chưa rõ",
        TicketState::Received => "Đã tiếp nhận",
        TicketState::Routed => "Đang xử lý",
        TicketState::Answered => "Đã trả lời",
        TicketState::Closed => "Đã đánh giá",
    }
}

pub(super) fn milestone(what: Milestone) -> &'static str {
    match what {
        Milestone::Unspecified => "Cập nhật",
        Milestone::Received => "Tiếp nhận",
        Milestone::Routed => "Chuyển đơn vị xử lý",
        Milestone::Returned => "Đơn vị trả lại, chờ phân công lại",
        Milestone::Answered => "Trả lời",
        Milestone::Rated => "Người hỏi đánh giá",
        Milestone::Reopened => "Mở lại theo yêu cầu của người hỏi",
        Milestone::Corrected => "Đính chính câu trả lời",
        Milestone::Withdrawn => "Thu hồi câu trả lời",
        Milestone::Paused => "Tạm dừng tính hạn",
        Milestone::Resumed => "Tiếp tục tính hạn",
        Milestone::Extended => "Gia hạn",
        Milestone::Hastened => "Chuyển xử lý khẩn",
    }
}

pub(super) fn waits_for(what: WaitsFor) -> &'static str {
    match what {
        WaitsFor::Unspecified => "",
        WaitsFor::Asker => "chờ người hỏi bổ sung",
        WaitsFor::OtherBody => "chờ cơ quan khác",
    }
}

pub(super) fn span_unit(unit: SpanUnit) -> &'static str {
    match unit {
        SpanUnit::Unspecified => "",
        SpanUnit::WorkingHours => "giờ làm việc",
        SpanUnit::WorkingDays => "ngày làm việc",
        SpanUnit::CalendarDays => "ngày",
    }
}

pub(super) fn deadline_ending(ending: DeadlineEnding) -> &'static str {
    match ending {
        DeadlineEnding::Unspecified => "",
        DeadlineEnding::OnTime => "Đúng hạn",
        DeadlineEnding::Late => "Trễ hạn",
        DeadlineEnding::ExtendedOnTime => "Đúng hạn sau gia hạn",
        DeadlineEnding::ExtendedLate => "Trễ hạn sau gia hạn",
    }
}

/// What was last told of a deadline; empty: nothing.
pub(super) fn deadline_step(deadline: &Deadline) -> String {
    let step = match deadline.step() {
        DeadlineStep::Unspecified => "",
        DeadlineStep::Near => "Sắp đến hạn",
        DeadlineStep::FirstResponseMissed => "Quá hạn phản hồi lần đầu",
        DeadlineStep::Due => "Đã đến hạn",
        DeadlineStep::Escalated if deadline.leader.is_empty() => "Quá hạn lâu",
        DeadlineStep::Escalated => return format!("Đã báo {}", deadline.leader),
    };
    step.to_owned()
}

pub(super) fn answer_state(state: AnswerState) -> &'static str {
    match state {
        AnswerState::Unspecified => "Chưa rõ",
        AnswerState::Drafted => "Chờ trả lời",
        AnswerState::Approved => "Đã duyệt",
        AnswerState::Returned => "Đã trả lại",
    }
}

pub(super) fn band(band: Band) -> &'static str {
    match band {
        Band::Unspecified => "",
        Band::None => "Chưa có câu trả lời gần",
        Band::Suggest => "Có câu trả lời để tham khảo",
        Band::Reuse => "Có dự thảo từ câu đã trả lời",
    }
}

pub(super) fn has_inbox(role: RoleName) -> bool {
    matches!(role, RoleName::Officer | RoleName::Dispatcher | RoleName::Operator)
}

pub(super) fn edits(role: RoleName) -> bool {
    matches!(role, RoleName::Editor | RoleName::Operator)
}

pub(super) fn passage_state(state: PassageState) -> &'static str {
    match state {
        PassageState::Unspecified => "",
        PassageState::Published => "Đang công bố",
        PassageState::Withdrawn => "Đã thu hồi",
        PassageState::Superseded => "Đã được thay thế",
    }
}

pub(super) fn change(change: Change) -> &'static str {
    match change {
        Change::Unspecified => "",
        Change::Corrected => "Đính chính",
        Change::Withdrawn => "Thu hồi",
        Change::Superseded => "Thay thế",
        Change::Validity => "Đổi hiệu lực",
        Change::Imported => "Nhập lại",
        Change::Approved => "Trả lời lại",
    }
}

pub(super) fn review_reason(reason: ReviewReason) -> &'static str {
    match reason {
        ReviewReason::Unspecified => "",
        ReviewReason::Expired => "Hết hiệu lực",
        ReviewReason::BasisNotValid => "Căn cứ không còn hoặc chưa có hiệu lực",
    }
}

/// A day as a form's date field has it.
pub(super) fn form_day(at: Option<&Timestamp>) -> String {
    local(at).map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
}

/// The first moment of a form's day, in Viet Nam; `None`: it is no day.
pub(super) fn day_begins(day: &str) -> Option<DateTime<Utc>> {
    let midnight = day.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?;
    let local = midnight.and_local_timezone(FixedOffset::east_opt(7 * HOUR)?).single()?;
    Some(local.with_timezone(&Utc))
}

pub(super) fn caller(principal: &Principal) -> String {
    let role = match principal.role {
        RoleName::Officer => "Cán bộ",
        RoleName::Dispatcher => "Điều phối",
        RoleName::Editor => "Biên tập",
        RoleName::Analyst => "Phân tích",
        RoleName::Operator => "Vận hành",
        RoleName::Service => "Dịch vụ",
    };
    format!("{role}: {}", principal.subject)
}

/// A form's field as its label reads; empty for those that no form shows.
pub(super) fn form_field(field: &str) -> &'static str {
    match field {
        "text" => "Nội dung",
        "asker.name" => "Họ và tên",
        "asker.email" => "Thư điện tử",
        "asker.phone" => "Điện thoại",
        "asker.organisation" => "Cơ quan, doanh nghiệp",
        "comment" => "Góp ý",
        "reason" => "Lý do",
        "byId" => "Mã câu trả lời thay thế",
        "validFrom" => "Có hiệu lực từ",
        "validUntil" => "Hết hiệu lực từ",
        "basis" => "Căn cứ",
        "approver" => "Người duyệt",
        "number" => "Gia hạn thêm",
        "waitsFor" => "Chờ ai",
        "memberTicketId" => "Mã phiếu cần gộp",
        _ => "",
    }
}

/// A share from 0 to 1, like `87,5 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0).replace('.', ",")
}

/// Two decimals, like `4,25`.
pub(super) fn decimal(number: f64) -> String {
    format!("{number:.2}").replace('.', ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_viet_nam() {
        let at = api::timestamp("2026-11-22T18:30:00Z".parse().unwrap());
        assert_eq!(moment(Some(&at)), "23/11/2026 01:30");
        assert_eq!(moment(None), "");
    }

    #[test]
    fn a_day_begins_in_viet_nam() {
        let begins = day_begins("2026-11-24").unwrap();
        assert_eq!(begins.to_rfc3339(), "2026-11-23T17:00:00+00:00");
        assert_eq!(form_day(Some(&api::timestamp(begins))), "2026-11-24");
        assert_eq!((day_begins("24/11/2026"), day_begins("")), (None, None));
    }

    #[test]
    fn numbers_have_a_decimal_comma() {
        assert_eq!(percent(0.875), "87,5 %");
        assert_eq!(decimal(4.25), "4,25");
    }
}
