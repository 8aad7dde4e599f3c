/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libkmod, when it is asked for.  It brings a cryptographic library, whose
 * relocations would cost each call of the command more than all else together.
 */
#ifndef _KMOD_H
#define _KMOD_H

#include <libkmod.h>

struct kmod_library {
	__typeof__(kmod_list_next) *kmod_list_next;
	__typeof__(kmod_module_get_info) *kmod_module_get_info;
	__typeof__(kmod_module_get_initstate) *kmod_module_get_initstate;
	__typeof__(kmod_module_get_module) *kmod_module_get_module;
	__typeof__(kmod_module_get_name) *kmod_module_get_name;
	__typeof__(kmod_module_info_free_list) *kmod_module_info_free_list;
	__typeof__(kmod_module_info_get_key) *kmod_module_info_get_key;
	__typeof__(kmod_module_info_get_value) *kmod_module_info_get_value;
	__typeof__(kmod_module_insert_module) *kmod_module_insert_module;
	__typeof__(kmod_module_new_from_lookup) *kmod_module_new_from_lookup;
	__typeof__(kmod_module_new_from_name) *kmod_module_new_from_name;
	__typeof__(kmod_module_new_from_path) *kmod_module_new_from_path;
	__typeof__(kmod_module_probe_insert_module) *kmod_module_probe_insert_module;
	__typeof__(kmod_module_remove_module) *kmod_module_remove_module;
	__typeof__(kmod_module_unref) *kmod_module_unref;
	__typeof__(kmod_module_unref_list) *kmod_module_unref_list;
	__typeof__(kmod_new) *kmod_new;
	__typeof__(kmod_set_log_fn) *kmod_set_log_fn;
	__typeof__(kmod_unref) *kmod_unref;
};

/* Ends the program where there is none. */
const struct kmod_library *kmod_library(void);

#endif /* _KMOD_H */
