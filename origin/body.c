#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/base64.h"
#include "lib/base/hex.h"
#include "lib/net/awschunk.h"
#include "origin/body.h"

#define SUM_MAX		32		/* bytes of the longest checksum */

enum sum { SUM_NONE, SUM_CRC32, SUM_CRC32C, SUM_SHA1, SUM_SHA256 };

static const struct {
	const char *name;
	unsigned len;
} sum_kind[] = {
	[SUM_NONE] = { "", 0 },
	[SUM_CRC32] = { "x-amz-checksum-crc32", 4 },
	[SUM_CRC32C] = { "x-amz-checksum-crc32c", 4 },
	[SUM_SHA1] = { "x-amz-checksum-sha1", 20 },
	[SUM_SHA256] = { "x-amz-checksum-sha256", 32 },
};

struct body {
	bool	 framed, chained, trailed;	/* trailers are expected */
	bool	 ended, said_sha256, said_len, said_sum, signed_trailer;
	struct awschunk chunk;
	struct sigv4_chain chain;
	EVP_MD_CTX *sha256, *piece, *sha1, *trailer;
	enum sum kind;
	uint32_t crc;
	uint64_t len, want_len;
	char	 want_sha256[SIGV4_HEX];
	uint8_t	 want_sum[SUM_MAX];
};

static void
end_hex(EVP_MD_CTX *md, char hex[static SIGV4_HEX])
{
	uint8_t d[EVP_MAX_MD_SIZE];

	EVP_DigestFinal_ex(md, d, NULL);
	hex_put(hex, d, 32);
}

static EVP_MD_CTX *
new_md(const EVP_MD *kind)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (md != NULL && EVP_DigestInit_ex(md, kind, NULL) != 1) {
		EVP_MD_CTX_free(md);
		md = NULL;
	}
	return md;
}

/* Castagnoli's polynomial, reflected. */
static uint32_t
crc32c(uint32_t crc, const uint8_t *p, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	crc = ~crc;
	while (len-- > 0) {
		crc ^= *p++;
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

/* ---- what is said of it */

static enum sum
sum_named(struct h1_str name)
{
	for (int i = SUM_CRC32; i <= SUM_SHA256; i++)
		if (h1_is(name, sum_kind[i].name))
			return (enum sum)i;
	return SUM_NONE;
}

static int
say_sum(struct body *b, enum sum kind, struct h1_str value)
{
	if (b->said_sum || base64_decode(value.p, value.len, b->want_sum,
	    sizeof(b->want_sum)) != (int)sum_kind[kind].len)
		return -EINVAL;
	b->kind = kind;
	b->said_sum = true;
	return 0;
}

static int
say_payload(struct body *b, const struct h1_request *r, const struct sigv4_auth *auth)
{
	static const char none[] =
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	const struct h1_str *said = h1_field(r, "x-amz-content-sha256");

	if (said == NULL) {
		/* What was signed then is that there is no body. */
		if (auth != NULL && !auth->presigned) {
			memcpy(b->want_sha256, none, sizeof(none));
			b->said_sha256 = true;
		}
		return 0;
	}
	if (h1_is(*said, "unsigned-payload"))
		return 0;
	if (h1_is(*said, "streaming-aws4-hmac-sha256-payload")) {
		b->framed = b->chained = true;
	} else if (h1_is(*said, "streaming-aws4-hmac-sha256-payload-trailer")) {
		b->framed = b->chained = b->trailed = true;
	} else if (h1_is(*said, "streaming-unsigned-payload-trailer")) {
		b->framed = b->trailed = true;
	} else {
		if (said->len != SIGV4_HEX - 1)
			return -EINVAL;
		for (size_t i = 0; i < said->len; i++)
			b->want_sha256[i] = (char)(said->p[i] >= 'A' &&
			    said->p[i] <= 'F' ? said->p[i] + 32 : said->p[i]);
		b->said_sha256 = true;
	}
	return 0;
}

static int
number(struct h1_str said, uint64_t *out)
{
	uint64_t v = 0;

	if (said.len == 0 || said.len > 18)
		return -EINVAL;
	for (size_t i = 0; i < said.len; i++) {
		if (said.p[i] < '0' || said.p[i] > '9')
			return -EINVAL;
		v = v * 10 + (uint64_t)(said.p[i] - '0');
	}
	*out = v;
	return 0;
}

static int
say_len(struct body *b, const struct h1_request *r)
{
	const struct h1_str *said = h1_field(r, "x-amz-decoded-content-length");

	if (said == NULL)
		return 0;
	b->said_len = b->framed;
	return number(*said, &b->want_len);
}

uint64_t
body_said_len(const struct h1_request *r)
{
	const struct h1_str *payload = h1_field(r, "x-amz-content-sha256");
	const struct h1_str *said = h1_field(r, "x-amz-decoded-content-length");
	uint64_t len = 0;

	if (payload == NULL || payload->len < 10 || !h1_is((struct h1_str){ payload->p, 10 },
	    "streaming-"))
		return r->content_length;
	return said != NULL && number(*said, &len) == 0 ? len : 0;
}

static int
say(struct body *b, const struct h1_request *r, const struct sigv4_auth *auth)
{
	const struct h1_str *trailer = h1_field(r, "x-amz-trailer");
	const struct h1_str *coding = h1_field(r, "content-encoding");
	int err = say_payload(b, r, auth);

	if (err == 0)
		err = say_len(b, r);
	if (coding != NULL && !b->framed)
		err = -EINVAL;
	for (unsigned i = 0; i < r->nfield && err == 0; i++) {
		enum sum kind = sum_named(r->field[i].name);

		if (kind != SUM_NONE)
			err = say_sum(b, kind, r->field[i].value);
	}
	if (err == 0 && trailer != NULL && !b->said_sum)
		b->kind = sum_named(*trailer);
	return err;
}

int
body_new(const struct h1_request *r, const struct sigv4_auth *auth,
    const char *secret, struct body **out)
{
	struct body *b = calloc(1, sizeof(*b));
	int err = b == NULL ? -ENOMEM : say(b, r, auth);

	if (err == 0 && ((b->sha256 = new_md(EVP_sha256())) == NULL ||
	    (b->kind == SUM_SHA1 && (b->sha1 = new_md(EVP_sha1())) == NULL) ||
	    (b->chained && ((b->piece = new_md(EVP_sha256())) == NULL ||
	    (b->trailer = new_md(EVP_sha256())) == NULL))))
		err = -ENOMEM;
	if (err < 0) {
		body_free(&b);
		return err;
	}
	/* Without keys there is nothing to check the chain by. */
	if (b->chained && auth != NULL)
		sigv4_chain_begin(&b->chain, secret, &auth->scope, auth->signature);
	else
		b->chained = false;
	*out = b;
	return 0;
}

void
body_free(struct body **at)
{
	struct body *b = *at;

	*at = NULL;
	if (b == NULL)
		return;
	EVP_MD_CTX_free(b->sha256);
	EVP_MD_CTX_free(b->piece);
	EVP_MD_CTX_free(b->sha1);
	EVP_MD_CTX_free(b->trailer);
	explicit_bzero(&b->chain, sizeof(b->chain));
	free(b);
}

bool
body_framed(const struct body *b)
{
	return b->framed;
}

/* ---- it comes */

static void
count(struct body *b, struct h1_str piece)
{
	b->len += piece.len;
	EVP_DigestUpdate(b->sha256, piece.p, piece.len);
	if (b->sha1 != NULL)
		EVP_DigestUpdate(b->sha1, piece.p, piece.len);
	if (b->kind == SUM_CRC32)
		b->crc = (uint32_t)crc32_z(b->crc, (const uint8_t *)piece.p, piece.len);
	else if (b->kind == SUM_CRC32C)
		b->crc = crc32c(b->crc, (const uint8_t *)piece.p, piece.len);
}

static int
end_chunk(struct body *b)
{
	char hex[SIGV4_HEX];

	if (!b->chained)
		return 0;
	end_hex(b->piece, hex);
	EVP_DigestInit_ex(b->piece, EVP_sha256(), NULL);
	sigv4_chain_next(&b->chain, hex, false);
	return b->chunk.signature[0] != '\0' &&
	    sigv4_equal(b->chain.last, b->chunk.signature) ? 0 : -EACCES;
}

static int
take_trailer(struct body *b, struct h1_str line)
{
	const char *colon = memchr(line.p, ':', line.len);
	struct h1_str name, value;
	enum sum kind;
	char hex[SIGV4_HEX];

	if (colon == NULL || !b->trailed || b->signed_trailer)
		return -EBADMSG;
	name = (struct h1_str){ line.p, (size_t)(colon - line.p) };
	value = (struct h1_str){ colon + 1, line.len - name.len - 1 };
	while (value.len > 0 && value.p[0] == ' ') {
		value.p++;
		value.len--;
	}
	if (h1_is(name, "x-amz-trailer-signature")) {
		b->signed_trailer = true;
		if (!b->chained)
			return 0;
		end_hex(b->trailer, hex);
		sigv4_chain_next(&b->chain, hex, true);
		return value.len == SIGV4_HEX - 1 &&
		    sigv4_equal(b->chain.last, value.p) ? 0 : -EACCES;
	}
	if (b->chained) {
		EVP_DigestUpdate(b->trailer, name.p, name.len);
		EVP_DigestUpdate(b->trailer, ":", 1);
		EVP_DigestUpdate(b->trailer, value.p, value.len);
		EVP_DigestUpdate(b->trailer, "\n", 1);
	}
	kind = sum_named(name);
	if (kind == SUM_NONE)
		return 0;
	return kind == b->kind ? say_sum(b, kind, value) : -EBADMSG;
}

int
body_next(struct body *b, struct h1_str *in, struct h1_str *piece, bool *whole)
{
	struct h1_str text = { NULL, 0 };
	size_t used;
	int r;

	*piece = (struct h1_str){ "", 0 };
	*whole = !b->framed;
	if (in->len == 0)
		return 0;
	if (!b->framed) {
		*piece = *in;
		*in = (struct h1_str){ "", 0 };
		count(b, *piece);
		return 1;
	}
	r = awschunk_next(&b->chunk, in->p, in->len, &used, &text);
	in->p += used;
	in->len -= used;
	if (r == AWSCHUNK_DATA) {
		count(b, text);
		if (b->chained)
			EVP_DigestUpdate(b->piece, text.p, text.len);
		*piece = text;
	} else if (r == AWSCHUNK_CHUNK) {
		r = end_chunk(b);
		*whole = true;
	} else if (r == AWSCHUNK_TRAILER) {
		r = take_trailer(b, text);
	} else if (r == AWSCHUNK_END) {
		b->ended = true;
		return in->len == 0 ? 0 : -EBADMSG;
	}
	return r < 0 ? r : r == AWSCHUNK_MORE && *whole == false && in->len == 0 ? 0 : 1;
}

int
body_end(struct body *b, char sha256[static SIGV4_HEX])
{
	uint8_t d[EVP_MAX_MD_SIZE], sum[EVP_MAX_MD_SIZE] = {
		(uint8_t)(b->crc >> 24), (uint8_t)(b->crc >> 16), (uint8_t)(b->crc >> 8),
		(uint8_t)b->crc,
	};

	if (b->framed && !b->ended)
		return -EBADMSG;
	if (b->chained && b->trailed && !b->signed_trailer)
		return -EACCES;
	EVP_DigestFinal_ex(b->sha256, d, NULL);
	hex_put(sha256, d, 32);
	if (b->kind == SUM_SHA256)
		memcpy(sum, d, 32);
	if (b->sha1 != NULL)
		EVP_DigestFinal_ex(b->sha1, sum, NULL);
	if ((b->said_len && b->len != b->want_len) ||
	    (b->said_sha256 && memcmp(b->want_sha256, sha256, SIGV4_HEX - 1) != 0) ||
	    (b->kind != SUM_NONE && (!b->said_sum ||
	    memcmp(b->want_sum, sum, sum_kind[b->kind].len) != 0)))
		return -EILSEQ;
	return 0;
}
