"""What a session of a kit is called at the broker: never as another one, whatever the names in it look like.

Names may hold hyphens and dots, so none of these can part them; a hash of all of them does, and the names before it are
for the people who read a broker's log. A broker ends the older session of two that are called the same.
"""

import base64
import hashlib
from typing import Final

CLIENT_ID_MAX: Final = 64
"""Characters. MQTT 3.1.1 §3.1.3.1 promises 23; VerneMQ takes 100 and AWS IoT 128 unless told otherwise, the others
more."""
HASH_BYTES: Final = 15  # 24 characters of base32: no two of a million sessions meet by chance
UPLINK_SHOWN_MAX: Final = 12  # characters of an uplink's name; a branch has what room is left


def client_id_of(election: str, branch: str, standby: str | None, uplink: str) -> str:
    """ASCII letters, digits and ``. _ : -`` alone (rumqttd chokes on others), at most CLIENT_ID_MAX.

    ``standby``: the device id of a standby kit; None: the branch's own kit.
    """
    names = "\n".join((election, branch, "" if standby is None else f"={standby}", uplink))  # in no id
    digest = hashlib.sha256(names.encode()).digest()[:HASH_BYTES]
    end = f"-{uplink[:UPLINK_SHOWN_MAX]}-{base64.b32encode(digest).decode().lower()}"
    begin = f"kit-{branch if standby is None else standby}"
    return begin[: CLIENT_ID_MAX - len(end)] + end
