#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "encode/naming.h"
#include "lib/base/clk.h"
#include "lib/net/place.h"

/* One conversion at p, which is behind the percent sign. */
struct item {
	char	 what;			/* '\0': it is none */
	unsigned digits;		/* 0: none were said */
	size_t	 len;
};

static struct item
read_item(const char *p)
{
	struct item i = { .digits = 0 };

	if (*p == '0' && isdigit((unsigned char)p[1])) {
		for (i.len = 1; isdigit((unsigned char)p[i.len]) && i.len < 4; i.len++)
			i.digits = i.digits * 10 + (unsigned)(p[i.len] - '0');
		if (i.digits == 0 || i.digits > NAMING_DIGITS ||
		    (p[i.len] != 'd' && p[i.len] != 'i'))
			return i;
	} else if (*p == '\0' || strchr("YmdHMSyjsFLin%", *p) == NULL) {
		return i;
	}
	i.what = p[i.len++];
	if (i.what == 'd' && i.digits > 0)
		i.what = 'c';
	return i;
}

/* What stands for itself. */
static const char *
wrong_letter(char c, bool url)
{
	if ((unsigned char)c < 0x20 || c == 0x7f)
		return "a control character";
	if (url && !isalnum((unsigned char)c) && strchr("-._~/", c) == NULL)
		return "a character that a URL cannot have here";
	return NULL;
}

static const char *
wrong_part(const char *p, size_t len)
{
	if (len == 0)
		return "a folder or name that is empty";
	if (strspn(p, ".") >= len && len <= 2)
		return "a folder or name of dots only";
	return NULL;
}

int
naming_parse(struct naming *n, const char *text, bool url, const char **reason)
{
	struct naming out = { .text = text };
	const char *part = text, *p = text;
	bool day = false, month = false;

	*reason = NULL;
	for (; *reason == NULL && *p != '\0'; p++) {
		struct item i;

		if (*p == '/') {
			*reason = wrong_part(part, (size_t)(p - part));
			part = p + 1;
			continue;
		}
		if (*p != '%') {
			*reason = wrong_letter(*p, url);
			continue;
		}
		i = read_item(p + 1);
		if (i.what == '\0') {
			*reason = "no such template";
			break;
		}
		out.counter |= i.what == 'c';
		out.slot |= i.what == 'i';
		out.time |= strchr("YmdHMSyjsFL", i.what) != NULL;
		out.fine |= i.what == 'S' || i.what == 's' || i.what == 'L';
		day |= i.what == 'd';
		month |= i.what == 'm';
		p += i.len;
	}
	if (*reason == NULL)
		*reason = wrong_part(part, (size_t)(p - part));
	if (*reason == NULL && day && !month)
		*reason = "%d is a day of the month, and a counter is %05d";
	if (*reason != NULL)
		return -EINVAL;
	*n = out;
	return 0;
}

static int
put_item(struct item i, const struct naming_values *v, const struct tm *tm, char *out,
    size_t size)
{
	int n = -1;

	switch (i.what) {
	case 'Y':
		n = snprintf(out, size, "%04d", tm->tm_year + 1900);
		break;
	case 'F':
		n = snprintf(out, size, "%04d-%02d-%02d", tm->tm_year + 1900, tm->tm_mon + 1,
		    tm->tm_mday);
		break;
	case 'm':
		n = snprintf(out, size, "%02d", tm->tm_mon + 1);
		break;
	case 'd':
		n = snprintf(out, size, "%02d", tm->tm_mday);
		break;
	case 'H':
		n = snprintf(out, size, "%02d", tm->tm_hour);
		break;
	case 'M':
		n = snprintf(out, size, "%02d", tm->tm_min);
		break;
	case 'S':
		n = snprintf(out, size, "%02d", tm->tm_sec);
		break;
	case 'y':
		n = snprintf(out, size, "%02d", tm->tm_year % 100);
		break;
	case 'j':
		n = snprintf(out, size, "%03d", tm->tm_yday + 1);
		break;
	case '%':
		n = snprintf(out, size, "%%");
		break;
	case 'n':
		n = snprintf(out, size, "%s", v->show != NULL ? v->show : "");
		break;
	case 'c':
		n = snprintf(out, size, "%0*llu", (int)i.digits,
		    (unsigned long long)v->counter);
		break;
	case 'i':
		n = snprintf(out, size, "%0*lld", (int)i.digits, (long long)v->slot);
		break;
	case 's':
		n = snprintf(out, size, "%lld", (long long)(v->utc_ns / CLK_SECOND));
		break;
	case 'L':
		n = snprintf(out, size, "%03d", (int)(v->utc_ns % CLK_SECOND / 1000000));
		break;
	}
	return n >= 0 && (size_t)n < size ? n : -ENAMETOOLONG;
}

int
naming_put(const struct naming *n, const struct naming_values *v, char *out, size_t size)
{
	time_t s = (time_t)(v->utc_ns / CLK_SECOND);
	size_t len = 0;
	struct tm tm;

	gmtime_r(&s, &tm);
	for (const char *p = n->text; *p != '\0'; p++) {
		struct item i;
		int r;

		if (len + 1 >= size)
			return -ENAMETOOLONG;
		if (*p != '%') {
			out[len++] = *p;
			continue;
		}
		i = read_item(p + 1);
		r = put_item(i, v, &tm, out + len, size - len);
		if (r < 0)
			return r;
		len += (size_t)r;
		p += i.len;
	}
	out[len] = '\0';
	return (int)len;
}

/* How many digits a conversion has at least and at most. */
static void
item_digits(struct item i, unsigned *least, unsigned *most)
{
	switch (i.what) {
	case 'c':
	case 'i':
		*least = i.digits > 0 ? i.digits : 1;
		*most = NAMING_DIGITS + 1;
		return;
	case 's':
		*least = 1;
		*most = NAMING_DIGITS;
		return;
	default:
		*least = *most = i.what == 'Y' ? 4 : i.what == 'L' || i.what == 'j' ? 3 : 2;
	}
}

/* From p of the template and q of the name on. */
static bool
fits(const char *p, const char *q, const char *show, uint64_t *counter)
{
	struct item i;
	unsigned least, most, n = 0;

	for (; *p != '\0' && *p != '%'; p++, q++)
		if (*p != *q)
			return false;
	if (*p == '\0')
		return *q == '\0';
	i = read_item(++p);
	p += i.len;
	if (i.what == '%')
		return *q == '%' && fits(p, q + 1, show, counter);
	if (i.what == 'n') {
		size_t len = show != NULL ? strlen(show) : 0;

		return (len == 0 || strncmp(q, show, len) == 0) &&
		    fits(p, q + len, show, counter);
	}
	if (i.what == 'F') {
		for (; n < 10; n++)
			if (n == 4 || n == 7 ? q[n] != '-' : !isdigit((unsigned char)q[n]))
				return false;
		return fits(p, q + n, show, counter);
	}
	item_digits(i, &least, &most);
	while (n < most && isdigit((unsigned char)q[n]))
		n++;
	for (; n >= least; n--) {
		uint64_t v = 0;

		if (!fits(p, q + n, show, counter))
			continue;
		for (unsigned k = 0; k < n; k++)
			v = v * 10 + (uint64_t)(q[k] - '0');
		if (i.what == 'c' && counter != NULL)
			*counter = v;
		return true;
	}
	return false;
}

bool
naming_fits(const struct naming *n, const char *name, const char *show,
    uint64_t *counter)
{
	unsigned items = 0;

	/* Each could be tried at many lengths. */
	for (const char *p = n->text; *p != '\0'; p++)
		items += *p == '%';
	return items <= 16 && fits(n->text, name, show, counter);
}

/* Where a template begins, or NULL; %% is none. */
static char *
first_template(char *p)
{
	for (; (p = strchr(p, '%')) != NULL; p += 2)
		if (p[1] != '%')
			return p;
	return NULL;
}

int
naming_split(char *text, char place[static NAMING_BASE], const char **name, bool *url)
{
	char *query = NULL, *root = text, *at, *slash;
	size_t len = 0;
	int n;

	*url = place_kind(text) != PLACE_FOLDER;
	if (*url) {
		query = strchr(text, '?');
		if (query != NULL)
			*query++ = '\0';
		root = strstr(text, "//") + 2;
	} else {
		text = root += place_path(text) - text;
	}
	at = first_template(root);
	if (at == NULL)
		at = root + strlen(root);
	for (slash = at; slash > root && slash[-1] != '/'; slash--)
		;
	if (slash == root && *url)
		return -EINVAL;		/* no bucket, or no path */
	*name = slash;
	for (const char *p = text; p < slash; p++) {
		if (len + 1 >= NAMING_BASE)
			return -ENAMETOOLONG;
		place[len++] = *p;
		p += *p == '%';		/* of a pair */
	}
	if (len == 0)
		place[len++] = '.';
	n = query == NULL ? 0 : snprintf(place + len, NAMING_BASE - len, "?%s", query);
	if (n < 0 || (size_t)n >= NAMING_BASE - len)
		return -ENAMETOOLONG;
	place[len + (size_t)n] = '\0';
	return 0;
}
