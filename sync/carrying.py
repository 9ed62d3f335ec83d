"""Shell: one tablet with a network carries the outbox of another that has none, as a signed file.

The signature is of the install that captured the work (Ed25519, RFC 8032); whoever carries the file
can neither read more nor write anything in another's name.
"""

from base64 import b64decode
from binascii import Error as NotBase64

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas.access import Sender
from schemas.problems import Refusal
from schemas.sync import Bundle, BundlePayload
from storage import access
from sync.reading import Batch

_payload = msgspec.json.Decoder(BundlePayload)


async def opened(engine: AsyncEngine, carrier: Sender, *, bundle: Bundle) -> tuple[Sender, Batch]:
    """Whose work it is and the batch to push in that one's name.

    Refuses `bundle_signature` where the signature does not hold, the tablet is not of the carrier's
    unit, or never named a key; `invalid_field` where the payload is not one.
    """
    async with engine.connect() as tx:
        row = await access.tablet_of(tx, carrier.unit_id, tablet_id=bundle.tablet)
    if row is None or not row.public_key:
        raise Refusal("bundle_signature")
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(row.public_key))
        key.verify(bundle.signature, bundle.payload)
        payload = _payload.decode(bundle.payload)
    except (InvalidSignature, ValueError, NotBase64) as error:
        if isinstance(error, msgspec.MsgspecError):
            raise Refusal("invalid_field", field="payload") from error
        raise Refusal("bundle_signature") from error
    if payload.tablet != bundle.tablet:
        raise Refusal("bundle_signature")
    # the clock is of the moment the file was made: it may be days old, and so no estimate of now
    sender = Sender(
        unit_id=carrier.unit_id, tablet_id=bundle.tablet, technician_id=row.technician_id
    )
    return sender, Batch(operations=[bytes(each) for each in payload.operations], carried=True)
