/* Base64: the vectors of RFC 4648 section 10, padding, and what is none. */
#include <errno.h>
#include <string.h>

#include "lib/base/base64.h"
#include "t/tap.h"

int
main(void)
{
	static const char *vector[][2] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
	};
	uint8_t out[16];
	char text[BASE64_SIZE(6)];

	for (size_t i = 0; i < sizeof(vector) / sizeof(vector[0]); i++) {
		size_t len = strlen(vector[i][0]), n = strlen(vector[i][1]);

		base64_encode((const uint8_t *)vector[i][0], len, text);
		ok(strcmp(text, vector[i][1]) == 0, "'%s' is written", vector[i][0]);
		ok(base64_decode(text, n, out, sizeof(out)) == (int)len &&
		    memcmp(out, vector[i][0], len) == 0, "and read");
		while (n > 0 && text[n - 1] == '=')
			n--;
		is(base64_decode(text, n, out, sizeof(out)), len, "without padding, too");
	}
	is(base64_decode("Zm9vYmFy", 8, out, 5), -ENOSPC, "not into less room");
	is(base64_decode("Zm9vY", 5, out, sizeof(out)), -EINVAL, "one character too many");
	is(base64_decode("Zm 9v", 5, out, sizeof(out)), -EINVAL, "a space");
	is(base64_decode("Zg=a", 4, out, sizeof(out)), -EINVAL, "padding inside");
	is(base64_decode("====", 4, out, sizeof(out)), -EINVAL, "padding alone");
	return done_testing();
}
