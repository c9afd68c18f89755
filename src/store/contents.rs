//! The bytes of a layer: all of them in order, or chosen files by index.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use super::blob_reader::SharedReader;
use super::error::Error;
use super::layer_record::Layer;
use super::open::Store;
use super::patch::{Recipe, Tar, TarStream};
use crate::layer::{self, Limits};
use crate::oci::{DiffId, Digest, Hasher};
use crate::tree::Kind;

/// Chosen files of a layer, open for reading in any order, and by several threads.
#[derive(Clone)]
pub struct Contents {
    store: Store,
    diff_id: DiffId,
    tar: Arc<Tar>,
    places: Arc<BTreeMap<usize, Place>>,
}

#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    size: u64,
    digest: Digest,
}

/// The bytes of one file. The last read fails, and the layer is dropped, if they are not what the entry says.
pub struct ContentReader {
    store: Store,
    diff_id: DiffId,
    tar: Arc<Tar>,
    place: Place,
    read: u64,
    /// Taken when the digest was checked.
    hasher: Option<Hasher>,
}

impl Contents {
    /// The bytes of the entry at `index` of the layer's list, which must be a file and among the wanted ones.
    pub fn open(&self, index: usize) -> Result<ContentReader, Error> {
        let nothing = Error::NotWanted { layer: self.diff_id, index };
        let place = *self.places.get(&index).ok_or(nothing)?;
        Ok(ContentReader {
            store: self.store.clone(),
            diff_id: self.diff_id,
            tar: Arc::clone(&self.tar),
            place,
            read: 0,
            hasher: Some(Hasher::new()),
        })
    }
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.store.disk.go_on()?;
        let left = self.place.size - self.read;
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.tar.read_at(&mut buffer[..wanted], self.place.offset + self.read)?;
        self.read += n as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..n]);
        }
        let cut = n == 0 && wanted != 0;
        if (cut || self.read == self.place.size)
            && let Some(hasher) = self.hasher.take()
            && (cut || hasher.finish() != self.place.digest)
        {
            return Err(self.store.damaged(self.diff_id, "a file's bytes are not those of its entry"));
        }
        if cut {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(n)
    }
}

/// A tar that is checked when it ends.
struct TarReader<R> {
    store: Store,
    diff_id: DiffId,
    tar: R,
    /// The blob below the tar, if that is compressed.
    blob: Option<SharedReader>,
    size: u64,
    read: u64,
    hasher: Option<Hasher>,
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.store.disk.go_on()?;
        let n = match self.tar.read(buffer) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
            Err(e) => return Err(self.store.damaged(self.diff_id, &e.to_string())),
        };
        self.read += n as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..n]);
        }
        // The check comes with the last byte, not with the end after it: a reader that knows the size stops there.
        let ended = n == 0 && !buffer.is_empty() || self.read >= self.size;
        if ended && self.read != self.size {
            return Err(self.store.damaged(self.diff_id, "it is shorter or longer than it was"));
        }
        if ended && let Some(hasher) = self.hasher.take() {
            if hasher.finish() != self.diff_id.0 {
                return Err(self.store.damaged(self.diff_id, "its bytes are not those of its diff ID"));
            }
            if let Some(mut blob) = self.blob.take()
                && let Err(e) = io::copy(&mut blob, &mut io::sink())
            {
                return Err(self.store.damaged(self.diff_id, &e.to_string()));
            }
        }
        Ok(n)
    }
}

impl Store {
    /// Makes the bytes of the `wanted` entries readable: in place for a layer that is not compressed, by one pass into an unlinked file
    /// for a compressed one.
    pub fn contents(&self, layer: &Layer, wanted: &[usize]) -> Result<Contents, Error> {
        let mut places = BTreeMap::new();
        let list = layer.list()?;
        for &index in wanted {
            if let Some(entry) = list.entries.get(index)
                && let Kind::File { size, digest } = entry.kind
            {
                let offset = list.offsets.get(index).copied().unwrap_or_default();
                places.insert(index, Place { offset, size, digest });
            }
        }
        let tar = match self.tar_in_place(layer)? {
            Some(tar) => tar,
            None => {
                let file = self.open_blob(&layer.blob)?.ok_or_else(|| self.gone(layer))?;
                let is_wanted = !places.is_empty();
                Tar::Whole(if is_wanted { self.spool(layer, &file, &mut places)? } else { file })
            }
        };
        Ok(Contents {
            store: self.clone(),
            diff_id: layer.diff_id,
            tar: Arc::new(tar),
            places: Arc::new(places),
        })
    }

    /// The tar of a layer that is not compressed, unverified; none of one that is.
    fn tar_in_place(&self, layer: &Layer) -> Result<Option<Tar>, Error> {
        let open = |blob| self.open_blob(blob)?.ok_or_else(|| self.gone(layer));
        if layer.is_plain() {
            return Ok(Some(Tar::Whole(open(&layer.blob)?)));
        }
        let Some(other) = layer.patched else { return Ok(None) };
        let (patch, other) = (open(&layer.blob)?, open(&other.layer.0)?);
        let path = self.disk.layout.blob(&layer.blob);
        let recipe = Recipe::read(&patch).map_err(Error::io("read", &path))?;
        let recipe = recipe.ok_or_else(|| {
            let damaged = self.damaged(layer.diff_id, "its patch cannot be read");
            Error::io_of("read", &path, None, damaged)
        })?;
        Ok(Some(Tar::Patched { recipe, patch, other }))
    }

    /// Copies the files at `places` into an unlinked one, and says where they are there.
    fn spool(&self, layer: &Layer, blob: &File, places: &mut BTreeMap<usize, Place>) -> Result<File, Error> {
        let wanted: Vec<usize> = places.keys().copied().collect();
        let list = layer.list()?;
        let temp = self.disk.temp_file()?;
        // The other descriptor keeps the file alive when its temporary name goes.
        let file = temp.file.try_clone().map_err(Error::io("write in", self.root()))?;
        let mut out = io::BufWriter::with_capacity(1 << 18, &file);
        let mut end = 0;
        let mut full = None;
        let limits = Limits::default();
        let visited =
            layer::decompress(Box::new(blob), &limits).map_err(layer::Error::Read).and_then(|mut tar| {
                layer::visit(&mut tar, list, &wanted, &mut |index, content| {
                    let mut buffer = vec![0; 1 << 16];
                    let start = end;
                    loop {
                        let n = content.read(&mut buffer)?;
                        if n == 0 {
                            break;
                        }
                        out.write_all(&buffer[..n]).inspect_err(|e| full = Some(e.kind()))?;
                        end += n as u64;
                    }
                    if let Some(place) = places.get_mut(&index) {
                        place.offset = start;
                        // Too short a copy is noticed when it is read: what follows has another digest.
                    }
                    Ok(())
                })
            });
        let flushed = out.flush();
        drop(out);
        if let Some(kind) = full.or(flushed.err().map(|e| e.kind())) {
            return Err(Error::io_of("write in", self.disk.process.dir(), Some(end), kind.into()));
        }
        if let Err(e) = visited {
            self.discard_layer(layer.diff_id)?;
            return Err(Error::Damaged { what: format!("layer {}", layer.diff_id), reason: e.to_string() });
        }
        Ok(file)
    }

    /// Hands the bytes of the `wanted` entries (sorted) to `f`: of a layer that is not compressed each where it lies, of another in
    /// one pass, in the order in which they are stored. An error of `f` ends the visit and is passed on. Of a compressed
    /// layer neither blob nor tar is hashed: `f` compares what it gets with the entry's digest, which says as much.
    pub fn visit(
        &self,
        layer: &Layer,
        wanted: &[usize],
        f: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        if layer.is_plain() || layer.patched.is_some() {
            let contents = self.contents(layer, wanted).map_err(io::Error::other)?;
            for index in wanted {
                f(*index, &mut contents.open(*index).map_err(io::Error::other)?)?;
            }
            return Ok(());
        }
        let list = layer.list().map_err(io::Error::other)?;
        let mut tar = self.tar(layer, None).map_err(io::Error::other)?;
        layer::visit(&mut tar, list, wanted, f).map_err(io::Error::other)
    }

    /// The uncompressed tar. The read that reaches the end fails, and the layer is dropped, if it is not what the diff
    /// ID says.
    pub fn open_tar(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, Error> {
        self.tar(layer, Some(Hasher::new()))
    }

    /// The tar, hashed if there is a hasher; else only what cannot be read at all drops the layer.
    fn tar(&self, layer: &Layer, hasher: Option<Hasher>) -> Result<Box<dyn Read + Send>, Error> {
        let plain = |bytes| {
            layer::decompress(bytes, &Limits::default()).map_err(|e| {
                let damaged = self.damaged(layer.diff_id, &e.to_string());
                Error::io_of("read", self.root(), None, damaged)
            })
        };
        let compressed = || self.blob_reader(&layer.blob)?.ok_or_else(|| self.gone(layer));
        let (tar, blob): (Box<dyn Read + Send>, _) = match (self.tar_in_place(layer)?, &hasher) {
            // What is hashed for the diff ID need not be hashed again.
            (Some(tar), _) => (Box::new(TarStream::new(tar)), None),
            (None, None) => (plain(Box::new(compressed()?.into_unverified()))?, None),
            (None, Some(_)) => {
                let blob = SharedReader::new(compressed()?);
                (plain(Box::new(blob.clone()))?, Some(blob))
            }
        };
        Ok(Box::new(TarReader {
            store: self.clone(),
            diff_id: layer.diff_id,
            tar,
            blob,
            size: layer.tar_size,
            read: 0,
            hasher,
        }))
    }

    fn gone(&self, layer: &Layer) -> Error {
        match self.discard_layer(layer.diff_id) {
            Ok(()) => Error::MissingBlob(layer.blob),
            Err(e) => e,
        }
    }

    /// Drops a layer, and makes the error that says so.
    fn damaged(&self, diff_id: DiffId, reason: &str) -> io::Error {
        let error = match self.discard_layer(diff_id) {
            Ok(()) => Error::Damaged { what: format!("layer {diff_id}"), reason: reason.to_string() },
            Err(e) => e,
        };
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}
