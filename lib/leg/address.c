#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lib/base/why.h"
#include "lib/leg/address.h"

int
address_name(struct url *url, char name[static ADDRESS_NAME], char why[static UDP_WHY])
{
	const char *text = url_get(url, "name");
	size_t len = text != NULL ? strlen(text) : 0;

	for (size_t i = 0; i < len; i++)
		if (iscntrl((unsigned char)text[i]))
			return why_wrong(why, "the name has a control character");
	if (len >= ADDRESS_NAME)
		return why_wrong(why, "the name '%s' is longer than %d bytes", text,
		    ADDRESS_NAME - 1);
	if (text != NULL && len == 0)
		return why_wrong(why, "the name is empty");
	memcpy(name, len > 0 ? text : "", len + 1);
	return 0;
}

int
address_errno(int err, const char *why)
{
	if (err == -EADDRNOTAVAIL && strncmp(why, "no address of", 13) == 0)
		return 0;
	return err == -EINVAL || err == -EEXIST ? 0 : -err;
}

int
address_rest(const struct url *url, char why[static UDP_WHY])
{
	const char *odd = url_unused(url);
	unsigned n = 0;

	if (odd == NULL)
		return 0;
	for (unsigned i = 0; i < url->npair; i++)
		n += strcmp(url->pair[i].key, odd) == 0 && url->pair[i].used;
	return why_wrong(why, n > 0 ? "'%.64s' is there twice" : "what is '%.64s'?", odd);
}
