"""Files inside an address: `data:image/png;base64,…` (https://www.rfc-editor.org/rfc/rfc2397)."""

import base64


def read_data_url(url: str) -> bytes | None:
    """What it holds; None for any other address, and for one that is not in base64."""
    head, _, data = url.partition(",")
    if not head.lower().startswith("data:") or not head.lower().endswith(";base64"):
        return None
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return None
