"""Bodies that are text of other kinds than JSON: SDP (WHIP, WHEP) and its fragments."""

import schemathesis

for kind in ("application/sdp", "application/trickle-ice-sdpfrag"):
    schemathesis.serializer.alias(kind, "text/plain")
