"""Errors of files and tables, each named after the mistake.

All are :class:`~yikezhong_coverage.errors.InputError`; ``code`` (the name without
``Error``) is the stable word, ``http_status`` what the service answers with.

::

    InputError
    ├── the file         FileMissing, EmptyFile, Truncated, Corrupt, TooLarge, Encrypted,
    │                    FormatMismatch, UnsupportedFormat, IncompleteShapefile
    ├── safety           UnsafeArchive, UnsafeInput, UnsafeXml
    ├── the layer        AmbiguousLayer, LayerMissing, NoFeatures, BadJson, BadCsv, RaggedRow
    ├── the place        CrsMissing, CrsUnknown, DatumUnknown, CrsImplausible, AxisOrder
    ├── the shape        GeometryType, InvalidGeometry
    ├── the attributes   ColumnMapping, DuplicateKey, PrecisionLost, BadCode
    ├── later steps      NetworkCoverage, NegativePopulation, RasterCoverage
    └── the reader       ReaderCrashed, ReaderMemory, ReaderTimeout, ReaderOutput
"""

from __future__ import annotations

from typing import ClassVar

from yikezhong_coverage.errors import InputError


class FileMissingError(InputError):
    """There is no such file."""


class EmptyFileError(InputError):
    """The file has no content."""


class TruncatedError(InputError):
    """The file stops before its end."""


class CorruptError(InputError):
    """The file contradicts itself and cannot be read."""


class TooLargeError(InputError):
    """The file, or what it unpacks to, is larger than allowed."""

    http_status: ClassVar[int] = 413


class EncryptedError(InputError):
    """The file is protected by a password."""


class FormatMismatchError(InputError):
    """The content is not what the file's name says."""

    http_status: ClassVar[int] = 415


class UnsupportedFormatError(InputError):
    """The format is not read here."""

    http_status: ClassVar[int] = 415


class IncompleteShapefileError(InputError):
    """A shapefile lacks one of its parts."""


class UnsafeArchiveError(InputError):
    """An archive would write outside its folder, nests or holds too many members."""


class UnsafeInputError(InputError):
    """The file points to something outside itself."""


class UnsafeXmlError(InputError):
    """The XML has a document type or entities."""


class AmbiguousLayerError(InputError):
    """The file holds several layers and none was chosen."""


class LayerMissingError(InputError):
    """The chosen layer or sheet is not in the file."""


class NoFeaturesError(InputError):
    """The file holds no feature and no row."""


class BadJsonError(InputError):
    """The JSON breaks the rules of RFC 8259 or RFC 7946."""


class BadCsvError(InputError):
    """The text is not a table."""


class RaggedRowError(BadCsvError):
    """A row has more fields than the header."""


class CrsMissingError(InputError):
    """The file states no coordinate reference system."""


class CrsUnknownError(InputError):
    """The stated coordinate reference system is not known."""


class DatumUnknownError(InputError):
    """The datum cannot be converted without parameters (Xi'an 80, Beijing 54)."""


class CrsImplausibleError(InputError):
    """The coordinates cannot be in the stated reference system."""


class AxisOrderError(InputError):
    """Longitude and latitude are swapped."""


class GeometryTypeError(InputError):
    """The layer has geometries of another type than needed."""


class InvalidGeometryError(InputError):
    """A geometry cannot be used or repaired within the accepted change."""


class ColumnMappingError(InputError):
    """A column cannot be recognised, or several could be it."""


class DuplicateKeyError(InputError):
    """A code or id stands in several rows."""


class PrecisionLostError(InputError):
    """Digits of a code were lost where the number was stored."""


class BadCodeError(InputError):
    """A division code does not follow its code system."""


class NetworkCoverageError(InputError):
    """The roads do not cover the study."""


class NegativePopulationError(InputError):
    """A population is negative, often a missing nodata value."""


class RasterCoverageError(InputError):
    """A raster does not cover the study."""


class ReaderCrashedError(InputError):
    """The process that read the file died of it."""


class ReaderMemoryError(InputError):
    """Reading the file takes more memory than allowed."""


class ReaderTimeoutError(InputError):
    """Reading the file takes longer than allowed."""


class ReaderOutputError(InputError):
    """Reading the file would write a larger file than allowed."""
