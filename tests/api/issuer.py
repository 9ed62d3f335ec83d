"""A small OpenID provider of our own, spoken to over loopback: real keys, real signatures."""

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Issuer:
    """Gives out codes for a person and redeems them once, if the verifier fits the challenge."""

    def __init__(self) -> None:
        self.codes: dict[str, dict] = {}
        self.algorithm, self.key, self.kid = "RS256", RSA_KEY, "rsa"
        self.changed: dict = {}
        handler = type("Handler", (_Handler,), {"issuer": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def signs_in(self, address: str, **person: object) -> str:
        """What a browser would do: somebody signs in there and a code comes back."""
        asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256" and asked["response_type"] == "code"
        code = f"code-{len(self.codes)}"
        self.codes[code] = {"asked": asked, "person": person}
        return code

    def token(self, code: str, verifier: str) -> str | None:
        held = self.codes.pop(code, None)
        if held is None:
            return None
        digest = hashlib.sha256(verifier.encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != held["asked"]["code_challenge"]:
            return None
        now = int(time.time())
        said = {
            "iss": self.base, "aud": held["asked"]["client_id"], "iat": now, "exp": now + 300,
            "nonce": held["asked"]["nonce"], **held["person"], **self.changed,
        }  # fmt: skip
        return jwt.encode(said, self.key, algorithm=self.algorithm, headers={"kid": self.kid})

    def keys(self) -> dict:
        rsa_part = json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key()))
        ec_part = json.loads(ECAlgorithm.to_jwk(EC_KEY.public_key()))
        return {
            "keys": [
                {**rsa_part, "kid": "rsa", "use": "sig", "alg": "RS256"},
                {**ec_part, "kid": "ec", "use": "sig", "alg": "ES256"},
            ]
        }


class _Handler(BaseHTTPRequestHandler):
    issuer: Issuer

    def do_GET(self) -> None:
        base = self.issuer.base
        if self.path == "/.well-known/openid-configuration":
            self._answer(200, {
                "issuer": base, "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token", "jwks_uri": f"{base}/keys",
            })  # fmt: skip
        else:
            self._answer(200, self.issuer.keys())

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        form = {
            name: value[0] for name, value in parse_qs(self.rfile.read(length).decode()).items()
        }
        token = self.issuer.token(form["code"], form["code_verifier"])
        if token is None:
            self._answer(400, {"error": "invalid_grant"})
        else:
            self._answer(200, {"id_token": token, "token_type": "Bearer", "access_token": "x"})

    def _answer(self, status: int, said: dict) -> None:
        raw = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        return
