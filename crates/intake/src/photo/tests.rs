use image::{ExtendedColorType, GenericImageView as _, ImageEncoder as _, Rgb, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;

const PIXELS: u64 = 1_000_000;
/// What a camera notes: it must be nowhere in what is kept.
const SECRET: &[u8] = b"GPS-21.0285N-105.8542E";

/// Red on the left, blue on the right.
fn two_halves() -> RgbImage {
    RgbImage::from_fn(64, 32, |x, _| if x < 32 { Rgb([250, 0, 0]) } else { Rgb([0, 0, 250]) })
}

/// An EXIF block (TIFF, little endian): the orientation, and a note in a comment and a GPS entry.
fn exif(orientation: u16) -> Vec<u8> {
    let length = u32::try_from(SECRET.len()).unwrap();
    let mut tiff = b"II*\0\x08\0\0\0\x03\0".to_vec();
    let mut entry = |tag: u16, kind: u16, count: u32, value: u32| {
        tiff.extend_from_slice(&tag.to_le_bytes());
        tiff.extend_from_slice(&kind.to_le_bytes());
        tiff.extend_from_slice(&count.to_le_bytes());
        tiff.extend_from_slice(&value.to_le_bytes());
    };
    let after = 8 + 2 + 3 * 12 + 4;
    entry(0x0112, 3, 1, orientation.into());
    entry(0x010E, 2, length, after);
    entry(0x8825, 4, 1, after);
    tiff.extend_from_slice(&[0; 4]);
    tiff.extend_from_slice(SECRET);
    tiff
}

fn jpeg(orientation: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder.encode_image(&two_halves()).unwrap();
    bytes
}

fn written_as(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(two_halves()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn seen(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory_with_format(bytes, ImageFormat::Jpeg).unwrap()
}

fn is_red(pixel: Rgba<u8>) -> bool {
    pixel.0[0] > 200 && pixel.0[2] < 60
}

#[test]
fn nothing_that_a_camera_notes_is_kept() {
    let taken = jpeg(1);
    assert!(holds(&taken, SECRET) && holds(&taken, b"Exif"), "the test's photo has what must go");
    let developed = develop(&taken, PIXELS).unwrap();
    for kept in [&developed.photo, &developed.thumbnail] {
        assert_eq!(sniff(kept), Ok(ImageFormat::Jpeg));
        assert!(!holds(kept, SECRET) && !holds(kept, b"Exif"));
        let mut decoder =
            ImageReader::with_format(Cursor::new(kept), ImageFormat::Jpeg).into_decoder().unwrap();
        assert_eq!(decoder.exif_metadata().unwrap(), None);
        assert_eq!(decoder.icc_profile().unwrap(), None);
    }
}

#[test]
fn a_photo_is_turned_upright() {
    // As it is; turned by 180 degrees; by a quarter to the right: the left half comes to the top.
    for (orientation, size, red_at) in
        [(1, (64, 32), (5, 16)), (3, (64, 32), (60, 16)), (6, (32, 64), (16, 5))]
    {
        let developed = develop(&jpeg(orientation), PIXELS).unwrap();
        assert_eq!((developed.width, developed.height), size, "{orientation}");
        let picture = seen(&developed.photo);
        assert!(is_red(picture.get_pixel(red_at.0, red_at.1)), "{orientation}");
        let opposite = (size.0 - 1 - red_at.0, size.1 - 1 - red_at.1);
        assert!(!is_red(picture.get_pixel(opposite.0, opposite.1)), "{orientation}");
    }
}

#[test]
fn each_format_is_told_by_its_bytes() {
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let bytes = written_as(format);
        assert_eq!(sniff(&bytes), Ok(format));
        assert_eq!(develop(&bytes, PIXELS).unwrap().width, 64, "{format:?}");
    }
    for (bytes, why) in [
        (&b"\0\0\0\x18ftypheic\0\0\0\0"[..], NotTaken::Heic),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", NotTaken::Heic),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", NotTaken::Unknown),
        (b"GIF89a", NotTaken::Unknown),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NotTaken::Unknown),
        (b"<!doctype html>", NotTaken::Unknown),
        (b"%PDF-1.7", NotTaken::Unknown),
        (b"", NotTaken::Unknown),
        (b"\xFF\xD8\xFF\xE0", NotTaken::Damaged),
    ] {
        assert_eq!(develop(bytes, PIXELS), Err(why), "{bytes:?}");
    }
}

/// A PNG of a few hundred bytes that says it is 100,000 by 100,000 pixels.
#[test]
fn a_bomb_is_refused_before_it_unfolds() {
    let mut bytes = written_as(ImageFormat::Png);
    let mut header = b"IHDR".to_vec();
    header.extend_from_slice(&100_000u32.to_be_bytes());
    header.extend_from_slice(&100_000u32.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]);
    let sum = crc32(&header);
    bytes[12..29].copy_from_slice(&header);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(develop(&bytes, PIXELS), Err(NotTaken::Pixels));
    assert_eq!(develop(&jpeg(1), 64 * 32 - 1), Err(NotTaken::Pixels));
    assert!(develop(&jpeg(1), 64 * 32).is_ok());
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    !sum
}

#[test]
fn a_large_photo_is_made_smaller_and_a_small_one_never_larger() {
    let wide = RgbImage::from_pixel(3000, 30, Rgb([9, 9, 9]));
    let mut bytes = Vec::new();
    JpegEncoder::new(&mut bytes).encode_image(&wide).unwrap();
    let developed = develop(&bytes, PIXELS).unwrap();
    assert_eq!((developed.width, developed.height), (2048, 20));
    assert_eq!(seen(&developed.thumbnail).width(), 320);
    let small = develop(&jpeg(1), PIXELS).unwrap();
    assert_eq!((small.width, small.height), (64, 32));
}

#[test]
fn what_is_transparent_becomes_white() {
    let clear = RgbaImage::from_pixel(8, 8, Rgba([0, 0, 0, 0]));
    let mut bytes = Vec::new();
    image::codecs::png::PngEncoder::new(&mut bytes)
        .write_image(&clear, 8, 8, ExtendedColorType::Rgba8)
        .unwrap();
    let pixel = seen(&develop(&bytes, PIXELS).unwrap().photo).get_pixel(4, 4);
    assert!(pixel.0[..3].iter().all(|colour| *colour > 250), "{pixel:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Nothing that is sent makes it panic, and what it takes is a photo.
    #[test]
    fn damage_is_refused_or_seen_through(at in 0usize..400, byte: u8, cut in 0usize..800, which in 0usize..3) {
        let format = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP][which];
        let mut bytes = written_as(format);
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len().saturating_sub(cut).max(12));
        if let Ok(developed) = develop(&bytes, PIXELS) {
            prop_assert_eq!(sniff(&developed.photo), Ok(ImageFormat::Jpeg));
        }
    }
}
