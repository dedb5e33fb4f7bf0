//! Forms with files: photos, a digest's sheet, or answered questions. A photo is read into memory, at most `gateway.photo_max_bytes` of it, and handed on
//! to intake before the next one is read: a slow client keeps only its own place here waiting.

use api::intake::v1::{UploadPhotoRequest, UploadPhotoResponse};
use axum::{
    extract::{
        DefaultBodyLimit, FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;

use crate::{
    config::Config,
    fields::{Fields, Form},
    pages::is_desk,
    problem::Problem,
    state::Gateway,
};

/// Far below the limit on one message between services.
const PIECE: usize = 256 * 1024;
/// Parts of one form, photos among them.
const PARTS_MAX: usize = 100;
/// Bytes of a sheet that was filled in: as much as answering takes.
const SHEET_MAX: usize = 2 << 20;
/// Photos of one form that are handed on; how many a report may have is for intake to say.
const PHOTOS_MAX: usize = 20;

/// Whether a request may take as long as photos take on a slow line.
pub(crate) fn is_upload(path: &str, headers: &HeaderMap) -> bool {
    is_multipart(headers) || path == "/api/v1/photos"
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/form-data"))
}

/// A posted form, with files or without.
pub(crate) struct Upload {
    pub fields: Fields,
    /// Photos that intake took, in their order.
    pub photo_ids: Vec<String>,
    /// Why a photo was not taken: the first of them.
    pub refused: Option<Problem>,
    /// The file of the part `sheet`, or of `answers`.
    pub file: Option<Vec<u8>>,
}

impl FromRequest<Gateway> for Upload {
    type Rejection = Problem;

    async fn from_request(mut request: Request, gateway: &Gateway) -> Result<Self, Problem> {
        if !is_multipart(request.headers()) {
            let Form(fields) = Form::from_request(request, gateway).await?;
            return Ok(Self { fields, photo_ids: Vec::new(), refused: None, file: None });
        }
        let path = request.uri().path().to_owned();
        let Ok(_place) = gateway.uploads().try_acquire() else {
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "OVERLOADED"));
        };
        DefaultBodyLimit::max(gateway.config().upload_max_bytes).apply(&mut request);
        let parts = Multipart::from_request(request, gateway).await;
        let parts = parts.map_err(|_| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BODY_NOT_A_FORM"))?;
        Self::read(parts, gateway, &path).await
    }
}

impl Upload {
    async fn read(mut parts: Multipart, gateway: &Gateway, path: &str) -> Result<Self, Problem> {
        let mut read = Self { fields: Fields::default(), photo_ids: Vec::new(), refused: None, file: None };
        let mut text_left = gateway.config().form_max_bytes(path);
        for _ in 0..PARTS_MAX {
            let Some(mut part) = parts.next_field().await.map_err(|error| broken(&error))? else {
                return Ok(read);
            };
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_none() {
                let text = bytes_of(&mut part, text_left).await?;
                let text =
                    text.ok_or_else(|| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"))?;
                text_left -= text.len();
                let text = String::from_utf8(text).map_err(|_| Problem::invalid("ENCODING_INVALID"))?;
                read.fields.push(name, text);
            } else if name == "photo" || name == "media" {
                let bytes = bytes_of(&mut part, gateway.config().photo_max_bytes).await?;
                // A file box that was left empty sends an empty file.
                if bytes.as_ref().is_none_or(|bytes| !bytes.is_empty()) && read.refused.is_none() {
                    match read.hand_on(gateway, bytes).await {
                        Ok(photo) => read.photo_ids.push(photo.photo_id),
                        Err(problem) => read.refused = Some(problem),
                    }
                }
            } else if let Some((max, reason)) = desk_file(&name, path, gateway.config()) {
                let file = bytes_of(&mut part, max).await?.ok_or_else(|| Problem::invalid(reason))?;
                read.file = Some(file).filter(|file| !file.is_empty());
            }
        }
        Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE"))
    }

    async fn hand_on(
        &self,
        gateway: &Gateway,
        bytes: Option<Vec<u8>>,
    ) -> Result<UploadPhotoResponse, Problem> {
        if self.photo_ids.len() == PHOTOS_MAX {
            return Err(Problem::invalid("PHOTOS_TOO_MANY").field("photoIds", "too many photos"));
        }
        match bytes {
            Some(bytes) => hand_on(gateway, bytes).await,
            None => Err(too_large(gateway.config().photo_max_bytes)),
        }
    }
}

/// How large such a file may be, and what a larger one is refused with. `None`: it is not taken there.
fn desk_file(name: &str, path: &str, config: &Config) -> Option<(usize, &'static str)> {
    match name {
        _ if !is_desk(path) => None,
        "sheet" => Some((SHEET_MAX, "SHEET_NOT_READABLE")),
        "answers" => Some((config.import_max_bytes, "IMPORT_TOO_LARGE")),
        _ => None,
    }
}

pub(crate) fn too_large(max: usize) -> Problem {
    Problem::invalid("PHOTO_TOO_LARGE").field("photo", format!("a photo has at most {max} bytes"))
}

/// Gives a photo to intake.
pub(crate) async fn hand_on(gateway: &Gateway, bytes: Vec<u8>) -> Result<UploadPhotoResponse, Problem> {
    let mut rest = Bytes::from(bytes);
    let pieces = std::iter::from_fn(move || {
        let piece = rest.split_to(rest.len().min(PIECE));
        (!piece.is_empty()).then(|| UploadPhotoRequest { data: piece.to_vec() })
    });
    let request = gateway.ask(futures::stream::iter(pieces));
    Ok(gateway.reports(None).upload_photo(request).await?.into_inner())
}

/// The whole part; `None` if it is larger than `max`. It is read to its end all the same, within the
/// limit on the whole form, so that the client hears why.
async fn bytes_of(part: &mut Field<'_>, max: usize) -> Result<Option<Vec<u8>>, Problem> {
    let mut bytes = Some(Vec::new());
    while let Some(chunk) = part.chunk().await.map_err(|error| broken(&error))? {
        bytes = bytes.filter(|bytes| bytes.len() + chunk.len() <= max);
        if let Some(bytes) = &mut bytes {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes)
}

fn broken(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE");
    }
    Problem::invalid("BODY_UNREADABLE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_forms_with_files_and_the_photo_route_may_take_their_time() {
        let headers = |kind: &str| HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        assert!(is_upload("/ask", &headers("Multipart/form-data; boundary=x")));
        assert!(is_upload("/api/v1/photos", &headers("image/jpeg")));
        assert!(!is_upload("/ask", &headers("application/x-www-form-urlencoded")));
        assert!(!is_upload("/ask", &HeaderMap::new()));
    }

    #[test]
    fn files_that_stay_in_memory_are_taken_at_the_desks_only() {
        let max = |name, path| desk_file(name, path, &Config::default()).map(|(max, _)| max);
        assert_eq!(max("sheet", "/can-bo/tong-hop/x/nhap"), Some(SHEET_MAX));
        assert_eq!(max("answers", "/bien-tap/nhap"), Some(8 << 20));
        assert_eq!((max("answers", "/ask"), max("other", "/bien-tap/nhap")), (None, None));
    }
}
