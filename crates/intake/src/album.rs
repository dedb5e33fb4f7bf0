//! Where the photos are kept: a folder, or a bucket.

use std::{path::Path as FilePath, sync::Arc};

use anyhow::Context as _;
use bytes::Bytes;
use object_store::{
    ObjectStore, ObjectStoreExt as _, aws::AmazonS3Builder, local::LocalFileSystem, path::Path,
    prefix::PrefixStore,
};
use uuid::Uuid;

use crate::photo::Developed;

/// The photo itself, or its thumbnail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Full,
    Thumbnail,
}

impl Size {
    fn path(self, photo_id: Uuid) -> Path {
        let name = match self {
            Self::Full => "photo.jpg",
            Self::Thumbnail => "thumbnail.jpg",
        };
        Path::from(format!("{photo_id}/{name}"))
    }
}

#[derive(Debug, Clone)]
pub struct Album(Arc<dyn ObjectStore>);

impl Album {
    /// `place` is a folder, which is made if need be, or `s3://bucket/prefix`.
    pub fn open(place: &str) -> anyhow::Result<Self> {
        if place.starts_with("s3://") {
            return bucket(place);
        }
        std::fs::create_dir_all(FilePath::new(place)).with_context(|| place.to_owned())?;
        // Synced: a report that was acknowledged has its photos, also after a power cut.
        let folder = LocalFileSystem::new_with_prefix(place)?.with_fsync(true);
        Ok(Self(Arc::new(folder)))
    }

    pub async fn put(&self, photo_id: Uuid, developed: Developed) -> object_store::Result<()> {
        self.0.put(&Size::Thumbnail.path(photo_id), developed.thumbnail.into()).await?;
        self.0.put(&Size::Full.path(photo_id), developed.photo.into()).await?;
        Ok(())
    }

    pub async fn get(&self, photo_id: Uuid, size: Size) -> object_store::Result<Bytes> {
        self.0.get(&size.path(photo_id)).await?.bytes().await
    }

    /// Deletes both sizes; what is not there is deleted already.
    pub async fn delete(&self, photo_id: Uuid) -> object_store::Result<()> {
        for size in [Size::Full, Size::Thumbnail] {
            match self.0.delete(&size.path(photo_id)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Credentials, region and endpoint are read from the usual `AWS_…` variables.
fn bucket(place: &str) -> anyhow::Result<Album> {
    let store = AmazonS3Builder::from_env().with_url(place).build()?;
    let prefix = place.trim_start_matches("s3://").split_once('/').map_or("", |(_, prefix)| prefix);
    Ok(Album(Arc::new(PrefixStore::new(store, prefix))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn developed() -> Developed {
        Developed { photo: b"large".to_vec(), thumbnail: b"small".to_vec(), width: 1, height: 1 }
    }

    #[tokio::test]
    async fn a_photo_is_kept_in_both_sizes_until_it_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let album = Album::open(dir.path().join("new/folder").to_str().unwrap()).unwrap();
        let id = Uuid::from_u128(1);
        album.put(id, developed()).await.unwrap();
        assert_eq!(album.get(id, Size::Full).await.unwrap(), "large");
        assert_eq!(album.get(id, Size::Thumbnail).await.unwrap(), "small");
        for _ in 0..2 {
            album.delete(id).await.unwrap();
        }
        let gone = album.get(id, Size::Full).await.unwrap_err();
        assert!(matches!(gone, object_store::Error::NotFound { .. }), "{gone}");
    }
}
