//! The fields that are asked for.

/// What an item of a tag means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Title,
    Artist,
    Artists,
    Album,
    AlbumArtist,
    AlbumArtists,
    Genre,
    Date,
    ReleaseDate,
    Year,
    TrackNumber,
    TrackTotal,
    DiscNumber,
    DiscTotal,
    RecordingId,
    TrackId,
    ReleaseId,
    ReleaseGroupId,
    ArtistId,
    AlbumArtistId,
    TrackGain,
    TrackPeak,
    AlbumGain,
    AlbumPeak,
    R128TrackGain,
    R128AlbumGain,
}
