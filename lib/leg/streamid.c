#include <string.h>

#include "lib/leg/streamid.h"

#define FORM	"#!::"

bool
streamid_user(const char *id, char *user, size_t size)
{
	if (strncmp(id, FORM, strlen(FORM)) != 0)
		return false;
	for (id += strlen(FORM); *id != '\0'; id += *id == ',') {
		size_t len = strcspn(id, ",");

		if (len > 2 && strncmp(id, "u=", 2) == 0) {
			if (len - 2 >= size)
				return false;
			memcpy(user, id + 2, len - 2);
			user[len - 2] = '\0';
			return true;
		}
		id += len;
	}
	return false;
}
