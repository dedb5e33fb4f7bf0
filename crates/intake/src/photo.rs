//! Photos of a report: what is taken, and what is kept of it. Pure, and slow: not for async threads.
//!
//! A photo is decoded, turned upright and written anew as JPEG, so that what a camera notes beside the
//! picture (place, time, its own number, a small copy of the picture before it was cut) is not kept.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage,
    codecs::jpeg::JpegEncoder, imageops::FilterType,
};
use runtime::Refusal;

/// The longer side of what is kept, and of the thumbnail, in pixels.
const SIDE_MAX: u32 = 2048;
const THUMBNAIL_SIDE: u32 = 320;
const QUALITY: u8 = 85;
/// Bytes a pixel may take while it is decoded; deeper pictures have to be smaller.
const PIXEL_BYTES: u64 = 4;

/// What was kept of a photo: both are JPEG.
#[derive(Debug, PartialEq, Eq)]
pub struct Developed {
    pub photo: Vec<u8>,
    pub thumbnail: Vec<u8>,
    pub width: u32,
    pub height: u32,
}

/// Why a photo is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// The HEIF family: it needs a decoder of a video format, and there is no sound one in pure Rust.
    Heic,
    /// None of the formats that are taken.
    Unknown,
    /// More pixels than the limit.
    Pixels,
    /// It begins like a picture but is none.
    Damaged,
}

/// The format by the first bytes: what a file is called, and said to be, does not count.
pub fn sniff(bytes: &[u8]) -> Result<ImageFormat, NotTaken> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Ok(ImageFormat::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Ok(ImageFormat::Png),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(ImageFormat::WebP),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] if is_heif(brand) => Err(NotTaken::Heic),
        _ => Err(NotTaken::Unknown),
    }
}

fn is_heif(brands: &[u8]) -> bool {
    let brand = brands.first_chunk::<4>();
    brand.is_some_and(|brand| {
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif"].contains(&brand)
    })
}

/// What is kept of a photo of at most `pixels_max` pixels.
pub fn develop(bytes: &[u8], pixels_max: u64) -> Result<Developed, NotTaken> {
    let format = sniff(bytes)?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(pixels_max.saturating_mul(PIXEL_BYTES));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| why(&error))?;
    let (width, height) = decoder.dimensions();
    // Before anything is decoded: a small file can unfold into a huge picture.
    if u64::from(width) * u64::from(height) > pixels_max {
        return Err(NotTaken::Pixels);
    }
    let orientation = decoder.orientation().map_err(|error| why(&error))?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| why(&error))?;
    let mut picture = flat(fitted(picture));
    picture.apply_orientation(orientation);
    let thumbnail = picture.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE);
    Ok(Developed {
        photo: written(&picture)?,
        thumbnail: written(&thumbnail)?,
        width: picture.width(),
        height: picture.height(),
    })
}

/// At most [`SIDE_MAX`] long; never made larger.
fn fitted(picture: DynamicImage) -> DynamicImage {
    if picture.width().max(picture.height()) <= SIDE_MAX {
        return picture;
    }
    picture.resize(SIDE_MAX, SIDE_MAX, FilterType::Triangle)
}

/// On white: JPEG has no transparency, and what is behind it may be anything.
fn flat(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.into_rgb8());
    }
    let picture = picture.into_rgba8();
    let mut flat = RgbImage::new(picture.width(), picture.height());
    for (to, from) in flat.pixels_mut().zip(picture.pixels()) {
        let [colours @ .., alpha] = from.0;
        let alpha = u32::from(alpha);
        to.0 = colours.map(|colour| {
            let mixed = (u32::from(colour) * alpha + 255 * (255 - alpha)) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        });
    }
    DynamicImage::ImageRgb8(flat)
}

fn written(picture: &DynamicImage) -> Result<Vec<u8>, NotTaken> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    picture.write_with_encoder(encoder).map_err(|error| why(&error))?;
    Ok(bytes)
}

fn why(error: &ImageError) -> NotTaken {
    match error {
        ImageError::Limits(_) => NotTaken::Pixels,
        _ => NotTaken::Damaged,
    }
}

impl From<NotTaken> for Refusal {
    fn from(why: NotTaken) -> Self {
        let (reason, message) = match why {
            NotTaken::Heic => {
                ("PHOTO_IS_HEIC", "photos in HEIC or AVIF cannot be read: send JPEG, PNG or WebP")
            }
            NotTaken::Unknown => ("PHOTO_NOT_AN_IMAGE", "this is not a photo in JPEG, PNG or WebP"),
            NotTaken::Pixels => ("PHOTO_HAS_TOO_MANY_PIXELS", "the photo has too many pixels"),
            NotTaken::Damaged => ("PHOTO_DAMAGED", "the photo is damaged"),
        };
        Self::invalid("photo", reason, message)
    }
}

#[cfg(test)]
mod tests;
