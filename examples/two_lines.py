"""The two lines that everyone starts with: sign, verify. Needs daypass alone."""

from daypass import JWK, TokenError, jwt

key = JWK.generate("HS256")

token = jwt.sign({"id": 7}, key, lifetime_s=600)
claims = jwt.verify(token, key)

print(token)
print({name: claims[name] for name in ("id", "exp")})

# One letter of the claims changed: verify returns the claims or raises, there is no third way.
head, body, signature = token.split(".")
try:
    jwt.verify(f"{head}.{body[:-1]}{'A' if body[-1] != 'A' else 'B'}.{signature}", key)
except TokenError as error:
    print(f"refused: {error.public_message}")
