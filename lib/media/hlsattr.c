#include <errno.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/hex.h"
#include "lib/media/hlsattr.h"

#define DAY_S	86400

int
hls_attr_next(const char **list, struct hls_attr *a)
{
	const char *p = *list;

	p += strspn(p, " \t,");
	if (*p == '\0')
		return 0;
	a->name = p;
	a->name_len = strcspn(p, "=,\" \t");
	p += a->name_len;
	if (a->name_len == 0 || *p != '=')
		return -EBADMSG;
	p++;
	a->quoted = *p == '"';
	if (a->quoted) {
		a->value = ++p;
		a->len = strcspn(p, "\"");
		if (p[a->len] != '"')
			return -EBADMSG;
		p += a->len + 1;
		p += strspn(p, " \t");
		if (*p != ',' && *p != '\0')
			return -EBADMSG;
	} else {
		a->value = p;
		a->len = strcspn(p, ",");
		p += a->len;
		while (a->len > 0 && strchr(" \t", a->value[a->len - 1]) != NULL)
			a->len--;
		if (memchr(a->value, '"', a->len) != NULL)
			return -EBADMSG;
	}
	*list = p + (*p == ',');
	return 1;
}

bool
hls_attr_is(const struct hls_attr *a, const char *name)
{
	return strlen(name) == a->name_len &&
	    memcmp(a->name, name, a->name_len) == 0;
}

bool
hls_attr_says(const struct hls_attr *a, const char *value)
{
	return strlen(value) == a->len && memcmp(a->value, value, a->len) == 0;
}

const char *
hls_attr_keep(const struct hls_attr *a)
{
	((char *)(uintptr_t)a->value)[a->len] = '\0';
	return a->value;
}

bool
hls_attr_find(const char *list, const char *name, struct hls_attr *attr)
{
	while (hls_attr_next(&list, attr) > 0)
		if (hls_attr_is(attr, name))
			return true;
	return false;
}

int
hls_integer(const char *s, size_t len, int64_t max, int64_t *out)
{
	int64_t v = 0;

	if (len == 0)
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		int digit = s[i] - '0';

		if (digit < 0 || digit > 9 || v > max / 10 || v * 10 > max - digit)
			return -EBADMSG;
		v = v * 10 + digit;
	}
	*out = v;
	return 0;
}

int
hls_seconds(const char *s, size_t len, int64_t *ns)
{
	const char *dot = memchr(s, '.', len);
	size_t whole = dot == NULL ? len : (size_t)(dot - s);
	int64_t v = 0, unit = CLK_SECOND;

	if (len == (dot != NULL))		/* "" and "." */
		return -EBADMSG;
	if (whole > 0 && hls_integer(s, whole, DAY_S, &v) < 0)
		return -EBADMSG;
	v *= CLK_SECOND;
	for (size_t i = whole + 1; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EBADMSG;
		unit /= 10;
		v += (s[i] - '0') * unit;
	}
	*ns = v;
	return 0;
}

int
hls_hex(const char *s, size_t len, uint8_t *out, size_t size)
{
	memset(out, 0, size);
	if (len < 3 || len > 2 + 2 * size || s[0] != '0' || (s[1] | 32) != 'x')
		return -EBADMSG;
	for (size_t i = 0; i < len - 2; i++) {
		int v = hex_digit(s[len - 1 - i]);

		if (v < 0)
			return -EBADMSG;
		out[size - 1 - i / 2] |= (uint8_t)(v << i % 2 * 4);
	}
	return 0;
}

int
hls_date(const char *s, size_t len, int64_t *ns)
{
	char date[64];

	if (len >= sizeof(date))
		return -EBADMSG;
	memcpy(date, s, len);
	date[len] = '\0';
	return clk_parse_iso(date, ns) < 0 ? -EBADMSG : 0;
}
