// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "ctl.h"
#include "kmod.h"

#define SONAME	"libkmod.so.2"

#define FUNCTION(name)	{ #name, offsetof(struct kmod_library, name) }

static const struct {
	const char *name;
	size_t place;
} functions[] = {
	FUNCTION(kmod_list_next),
	FUNCTION(kmod_module_get_info),
	FUNCTION(kmod_module_get_initstate),
	FUNCTION(kmod_module_get_module),
	FUNCTION(kmod_module_get_name),
	FUNCTION(kmod_module_info_free_list),
	FUNCTION(kmod_module_info_get_key),
	FUNCTION(kmod_module_info_get_value),
	FUNCTION(kmod_module_insert_module),
	FUNCTION(kmod_module_new_from_lookup),
	FUNCTION(kmod_module_new_from_name),
	FUNCTION(kmod_module_new_from_path),
	FUNCTION(kmod_module_probe_insert_module),
	FUNCTION(kmod_module_remove_module),
	FUNCTION(kmod_module_unref),
	FUNCTION(kmod_module_unref_list),
	FUNCTION(kmod_new),
	FUNCTION(kmod_set_log_fn),
	FUNCTION(kmod_unref),
};

_Static_assert(ARRAY_SIZE(functions) * sizeof(void *) == sizeof(struct kmod_library),
	       "each member is looked up");

const struct kmod_library *kmod_library(void)
{
	static struct kmod_library found;
	void *library = dlopen(SONAME, RTLD_LAZY);
	size_t i;

	if (!library)
		die(EX_UNAVAILABLE, "modules are loaded and unloaded by libkmod: %s", dlerror());
	for (i = 0; i < ARRAY_SIZE(functions); i++) {
		void *function = dlsym(library, functions[i].name);

		if (!function)
			die(EX_UNAVAILABLE, "%s lacks %s", SONAME, functions[i].name);
		memcpy((char *)&found + functions[i].place, &function, sizeof(function));
	}
	return &found;
}
