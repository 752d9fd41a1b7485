/* The languages of captions: by option, or by the PMT (ATSC A/65 6.9.2, EN 300 468). */
#include <stdlib.h>
#include <string.h>

#include "lib/media/tsdemux.h"
#include "package/pres.h"

#define DESC_CAPTION_SERVICE	0x86

static bool
is_code(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyz") >= 3;
}

static bool
parse_one(const char *s, struct caption_names *c)
{
	char *end;
	unsigned long n;

	if (strncmp(s, "CC", 2) == 0 && s[2] >= '1' && s[2] <= '4' && s[3] == '=') {
		memcpy(c->cc[s[2] - '1'], s + 4, 3);
		return is_code(s + 4);
	}
	if (strncmp(s, "SERVICE", 7) != 0 || s[7] < '1' || s[7] > '9')
		return false;
	n = strtoul(s + 7, &end, 10);
	if (n > 63 || *end != '=' || !is_code(end + 1))
		return false;
	memcpy(c->service[n], end + 1, 3);
	return true;
}

/* "ttx888", "ttx888=swe", "ttx=swe"; true if it is one, which is then added. */
static bool
parse_page(const char *s, size_t len, struct text_pages *pages)
{
	struct text_page page = { .number = 0 };
	const char *eq = memchr(s, '=', len);
	size_t name = eq != NULL ? (size_t)(eq - s) : len;

	if (strncmp(s, "ttx", 3) != 0 || (name != 3 && name != 6) || (name == 3 && eq == NULL))
		return false;
	for (size_t i = 3; i < name; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		page.number = page.number * 10 + (unsigned)(s[i] - '0');
	}
	if (name == 6 && (page.number < 100 || page.number > 899))
		return false;
	if (eq != NULL) {
		if (s + len - eq != 4 || !is_code(eq + 1))
			return false;
		memcpy(page.language, eq + 1, 3);
	}
	for (unsigned i = 0; i < pages->n; i++)
		if (pages->page[i].number == page.number && page.number != 0) {
			pages->page[i] = page;
			return true;
		}
	if (pages->n == TEXT_PAGES)
		return false;
	pages->page[pages->n++] = page;
	return true;
}

/* "CC1", "CC1=eng", "SERVICE2": which there are, and languages if they are said. */
bool
caption_list_parse(const char *arg, struct captions *c, struct caption_names *names,
    struct text_pages *pages)
{
	for (;;) {
		size_t len = strcspn(arg, ","), name = strcspn(arg, "=,");
		char one[20];
		struct caption_names seen = { .cc = { "" } };

		if (parse_page(arg, len, pages)) {
			if (arg[len] == '\0')
				return true;
			arg += len + 1;
			continue;
		}
		if (len + sizeof("=und") > sizeof(one) || (name < len && len - name != 4))
			return false;
		memcpy(one, arg, len);
		memcpy(one + len, "=und", sizeof("=und"));
		if (name < len)
			one[len] = '\0';
		if (!parse_one(one, &seen))
			return false;
		for (unsigned i = 0; i < 4; i++)
			if (seen.cc[i][0] != '\0') {
				c->cc |= (uint8_t)(1u << i);
				if (name < len)
					memcpy(names->cc[i], seen.cc[i], 4);
			}
		for (unsigned i = 1; i < 64; i++)
			if (seen.service[i][0] != '\0') {
				c->services |= UINT64_C(1) << i;
				if (name < len)
					memcpy(names->service[i], seen.service[i], 4);
			}
		if (arg[len] == '\0')
			return true;
		arg += len + 1;
	}
}

bool
caption_names_parse(const char *arg, struct caption_names *c)
{
	for (;;) {
		size_t len = strcspn(arg, ",");
		const char *eq = memchr(arg, '=', len);

		if (eq == NULL || (size_t)(arg + len - eq) != 4 || !parse_one(arg, c))
			return false;
		if (arg[len] == '\0')
			return true;
		arg += len + 1;
	}
}

void
caption_names_read(const struct tsdemux_stream *s, struct caption_names *c)
{
	size_t len = 0;
	const uint8_t *p = desc_find(s->desc, s->desc_len, DESC_CAPTION_SERVICE, &len);
	unsigned n = p != NULL && len > 0 ? p[0] & 0x1f : 0;

	for (size_t at = 1; n > 0 && at + 6 <= len; at += 6, n--) {
		char code[4] = { (char)p[at], (char)p[at + 1], (char)p[at + 2], '\0' };

		if (!is_code(code))
			continue;
		if ((p[at + 3] & 0x80) != 0)
			memcpy(c->service[p[at + 3] & 0x3f], code, 4);
		else			/* line 21, of one field or the other */
			memcpy(c->cc[(p[at + 3] & 1) != 0 ? 2 : 0], code, 4);
	}
}

const char *
caption_language(const struct pres *p, bool service, unsigned n)
{
	const char *asked = service ? p->asked.service[n] : p->asked.cc[n];
	const char *told = service ? p->told.service[n] : p->told.cc[n];

	return asked[0] != '\0' ? asked : told[0] != '\0' ? told : "und";
}

static const struct text_page *
find_page(const struct text_pages *list, unsigned number)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->page[i].number == number)
			return &list->page[i];
	return NULL;
}

const char *
text_language(const struct pres *p, const struct ptrack *t)
{
	unsigned n = text_number(t->pid);
	const struct text_page *page;

	switch (text_kind(t->pid)) {
	case TEXT_PAGE:
		page = find_page(&p->asked_pages, n);
		if (page == NULL || page->language[0] == '\0')
			page = find_page(&p->told_pages, n);
		return page != NULL && page->language[0] != '\0' ? page->language : "und";
	case TEXT_SERVICE:
		return caption_language(p, true, n);
	default:
		return caption_language(p, false, n - 1);
	}
}

const char *
text_prefix(const struct ptrack *t)
{
	static const char *const prefix[] = {
		[TEXT_CHANNEL] = "CC", [TEXT_SERVICE] = "Service ", [TEXT_PAGE] = "Teletext ",
	};

	return prefix[text_kind(t->pid)];
}

bool
text_describes(const struct pres *p, const struct ptrack *t)
{
	const struct text_page *page = find_page(&p->told_pages, text_number(t->pid));

	return text_kind(t->pid) != TEXT_PAGE || (page != NULL && page->impaired);
}

void
caption_all(const struct pres *p, struct captions *all)
{
	*all = (struct captions){ .cc = 0 };
	for (unsigned i = 0; i < p->ntrack; i++) {
		all->cc |= p->track[i].captions.cc;
		all->services |= p->track[i].captions.services;
	}
	if (all->cc != 0)		/* the same once more, as 708 */
		all->services = 0;
	for (unsigned n = 0; n < 4; n++)
		all->cc |= (uint8_t)((p->asked.cc[n][0] != '\0') << n);
	for (unsigned n = 1; n < 64; n++)
		all->services |= (uint64_t)(p->asked.service[n][0] != '\0') << n;
}
