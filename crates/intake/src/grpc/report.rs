//! Requests and responses of reports from the field.

use std::pin::Pin;

use api::{
    TicketId,
    intake::v1::{
        self as proto, FindNearestReportRequest, FindNearestReportResponse, GetPhotoRequest,
        GetPhotoResponse, GetPublicReportRequest, GetPublicReportResponse, GetReportRequest,
        GetReportResponse, ListPublicReportsRequest, ListPublicReportsResponse, ListReportFieldsRequest,
        ListReportFieldsResponse, NearReport, PublicReport, ReportField, SetPublicityRequest,
        SetPublicityResponse, UploadPhotoRequest, UploadPhotoResponse, report_service_server::ReportService,
    },
};
use futures::{Stream, StreamExt as _, stream};
use runtime::{Principal, Refusal, RoleName, require};
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

use super::Grpc;
use crate::{
    album::Size,
    place::Place,
    report::Publicity,
    reporting::Asked,
    storage::report::{Near, Public},
};

const DESK: [RoleName; 2] = [RoleName::Officer, RoleName::Dispatcher];
/// Far below the limit on one message.
const PIECE: usize = 64 * 1024;

#[tonic::async_trait]
impl ReportService for Grpc {
    async fn upload_photo(
        &self,
        request: Request<Streaming<UploadPhotoRequest>>,
    ) -> Result<Response<UploadPhotoResponse>, Status> {
        let place = self.0.reports.receive().await?;
        let max = self.0.reports.config.photo_bytes_max;
        let mut pieces = request.into_inner();
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.message().await? {
            if bytes.len() + piece.data.len() > max {
                let message = format!("a photo has at most {max} bytes");
                return Err(Refusal::invalid("photo", "PHOTO_TOO_LARGE", message).into());
            }
            bytes.extend_from_slice(&piece.data);
        }
        let photo = self.0.upload_photo(bytes).await?;
        drop(place);
        Ok(Response::new(UploadPhotoResponse {
            photo_id: photo.photo_id.to_string(),
            width: photo.width,
            height: photo.height,
        }))
    }

    type GetPhotoStream = Pin<Box<dyn Stream<Item = Result<GetPhotoResponse, Status>> + Send>>;

    async fn get_photo(
        &self,
        request: Request<GetPhotoRequest>,
    ) -> Result<Response<Self::GetPhotoStream>, Status> {
        let caller = request.extensions().get::<Principal>().cloned();
        let GetPhotoRequest { tracking_code, ticket_id, number, thumbnail } = request.into_inner();
        let size = if thumbnail { Size::Thumbnail } else { Size::Full };
        let mut bytes = if tracking_code.is_empty() {
            self.0.photo_by_id(id(&ticket_id)?, caller.as_ref(), number, size).await?
        } else {
            self.0.photo_by_code(&tracking_code, number, size).await?
        };
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            pieces.push(Ok(GetPhotoResponse { data: piece.to_vec() }));
        }
        Ok(Response::new(stream::iter(pieces).boxed()))
    }

    async fn get_report(
        &self,
        request: Request<GetReportRequest>,
    ) -> Result<Response<GetReportResponse>, Status> {
        let caller = require(&request, &DESK)?;
        let ticket_id = id(&request.into_inner().ticket_id)?;
        let seen = self.0.get_report(ticket_id, &caller).await?;
        Ok(Response::new(GetReportResponse {
            place: seen.filed.place.map(Place::to_proto),
            address: seen.address,
            photos: seen.filed.photos,
            publicity: publicity(seen.publicity).into(),
            photos_may_be_public: seen.photos_may_be_public,
            nearest: seen.nearest.map(near),
        }))
    }

    async fn set_publicity(
        &self,
        request: Request<SetPublicityRequest>,
    ) -> Result<Response<SetPublicityResponse>, Status> {
        let caller = require(&request, &DESK)?;
        let request = request.into_inner();
        let set = match proto::Publicity::try_from(request.publicity) {
            Ok(proto::Publicity::Unspecified) => None,
            Ok(proto::Publicity::Hidden) => Some(Publicity::Hidden),
            Ok(proto::Publicity::Text) => Some(Publicity::Text),
            Ok(proto::Publicity::Photos) => Some(Publicity::Photos),
            Err(_) => {
                let message = "publicity is one of PUBLICITY_HIDDEN, PUBLICITY_TEXT, PUBLICITY_PHOTOS";
                return Err(Refusal::invalid("publicity", "PUBLICITY_UNKNOWN", message).into());
            }
        };
        let holds = self.0.set_publicity(id(&request.ticket_id)?, set, &caller).await?;
        Ok(Response::new(SetPublicityResponse { publicity: publicity(holds).into() }))
    }

    async fn list_report_fields(
        &self,
        _: Request<ListReportFieldsRequest>,
    ) -> Result<Response<ListReportFieldsResponse>, Status> {
        let fields = self.0.reports.fields.all().iter().cloned().map(|field| ReportField {
            field: field.code,
            description: field.description,
            description_en: field.description_en,
            keywords: field.keywords,
            group: field.group,
        });
        Ok(Response::new(ListReportFieldsResponse { fields: fields.collect() }))
    }

    async fn list_public_reports(
        &self,
        request: Request<ListPublicReportsRequest>,
    ) -> Result<Response<ListPublicReportsResponse>, Status> {
        let request = request.into_inner();
        // What is no id is no report's: with others it is left out, alone nothing is found.
        let ids = request.ticket_ids.iter().map(|id| Uuid::parse_str(id).unwrap_or_default());
        let asked = Asked {
            ticket_ids: ids.collect(),
            fields: request.fields,
            since: api::time(request.since.as_ref()),
            until: api::time(request.until.as_ref()),
            open: request.open,
            closed: request.closed,
            limit: request.limit,
            page: request.page,
        };
        let reports = self.0.public_reports(asked).await?;
        Ok(Response::new(ListPublicReportsResponse { reports: reports.into_iter().map(public).collect() }))
    }

    async fn get_public_report(
        &self,
        request: Request<GetPublicReportRequest>,
    ) -> Result<Response<GetPublicReportResponse>, Status> {
        let report = self.0.public_report(id(&request.into_inner().ticket_id)?).await?;
        Ok(Response::new(GetPublicReportResponse { report: Some(public(report)) }))
    }

    async fn find_nearest_report(
        &self,
        request: Request<FindNearestReportRequest>,
    ) -> Result<Response<FindNearestReportResponse>, Status> {
        let FindNearestReportRequest { place, field } = request.into_inner();
        let place = Place::parse(&place.unwrap_or_default(), &self.0.reports.config.bounds)?;
        let nearest = self.0.find_nearest(place, &field).await?;
        Ok(Response::new(FindNearestReportResponse { nearest: nearest.map(near) }))
    }
}

fn id(text: &str) -> Result<TicketId, Refusal> {
    text.parse().map_err(|_| Refusal::not_found("TICKET_NOT_FOUND", "there is no question with this id"))
}

fn near((near, metres): (Near, u32)) -> NearReport {
    NearReport {
        ticket_id: near.ticket_id.to_string(),
        excerpt: near.text,
        metres,
        submitted_at: Some(api::timestamp(near.submitted_at)),
    }
}

fn public(report: Public) -> PublicReport {
    PublicReport {
        ticket_id: report.ticket_id.to_string(),
        field: report.field,
        state: report.state.into(),
        text: report.text,
        place: Some(report.place.to_proto()),
        submitted_at: Some(api::timestamp(report.submitted_at)),
        updated_at: Some(api::timestamp(report.updated_at)),
        due_at: report.due_at.map(api::timestamp),
        unit_name: report.unit_name,
        answer: report.answer,
        photos: report.photos,
    }
}

fn publicity(publicity: Publicity) -> proto::Publicity {
    match publicity {
        Publicity::Hidden => proto::Publicity::Hidden,
        Publicity::Text => proto::Publicity::Text,
        Publicity::Photos => proto::Publicity::Photos,
    }
}
