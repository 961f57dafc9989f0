/* The C interface of native_ref. Made by tools/header.py from the Rust sources; edit those instead.
 *
 * Text crosses the boundary as pointer and length in bytes, UTF-8, without a terminating zero. A function that
 * fills a buffer takes `out` and `cap`, writes at most `cap` bytes and returns the full length.
 */
#ifndef NATIVE_REF_H
#define NATIVE_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One tagged 64-bit word; nil has the bits 0. */
typedef uint64_t RuntimeValue;

/* ----------------------------------------------------------------------
 * Value operations
 * ---------------------------------------------------------------------- */

/* The value of an integer; any 64-bit integer is kept exactly. */
RuntimeValue rt_value_int(int64_t value);

/* The value of a float; infinities and NaN are values too. */
RuntimeValue rt_value_float(double value);

/* The value of a bool. */
RuntimeValue rt_value_bool(bool value);

/* The nil value. */
RuntimeValue rt_value_nil(void);

/* The integer in a value; 0 if it is no integer (see `rt_value_is_int`). */
int64_t rt_value_as_int(RuntimeValue value);

/* The float in a value; 0.0 if it is no float (see `rt_value_is_float`). */
double rt_value_as_float(RuntimeValue value);

/* The bool in a value; false if it is no bool. For the truth of any value use
 * `rt_value_truthy`. */
bool rt_value_as_bool(RuntimeValue value);

/* Whether a condition on the value holds: 0, 0.0, -0.0, false and nil do not. */
bool rt_value_truthy(RuntimeValue value);

/* Whether the value is nil. */
bool rt_value_is_nil(RuntimeValue value);

/* Whether the value is an integer. */
bool rt_value_is_int(RuntimeValue value);

/* Whether the value is a float. */
bool rt_value_is_float(RuntimeValue value);

/* Whether the value is a bool. */
bool rt_value_is_bool(RuntimeValue value);

/* Whether the value refers to the heap. The object may be gone already,
 * see `rt_heap_is_live`. */
bool rt_value_is_heap(RuntimeValue value);

/* ----------------------------------------------------------------------
 * Memory
 * ---------------------------------------------------------------------- */

/* A zeroed block of memory, aligned to 8 bytes. Size 0, a negative size and a
 * size that cannot be allocated give null. */
uint8_t *rt_alloc(int64_t size);

/* Frees a block from `rt_alloc`; values made of its address are stale from
 * then on. False for null, for a block that was freed already, and for a
 * pointer that is no block. */
bool rt_free(uint8_t *block);

/* The value of an address; null gives nil. The same address gives the same
 * value until it is freed. The memory is not looked at. */
RuntimeValue rt_ptr_to_value(uint8_t *pointer);

/* The address in a value from `rt_ptr_to_value`; null for any other value
 * and for a block that was freed. */
uint8_t *rt_value_to_ptr(RuntimeValue value);

/* Frees one heap object, not what it refers to. False for a value that is no
 * reference, and for an object that was freed already. */
bool rt_heap_free(RuntimeValue value);

/* Whether the value refers to a heap object that was not freed. */
bool rt_heap_is_live(RuntimeValue value);

/* The kind of a heap object: 1 string, 2 array, 3 tuple, 4 dict, 5 object,
 * 6 closure, 7 enum, 8 unique, 9 pointer; 0 for any other value. */
int64_t rt_heap_kind(RuntimeValue value);

/* Number of heap objects that were not freed. */
int64_t rt_heap_live_count(void);

/* Bytes in the blocks of `rt_alloc` that were not freed. */
int64_t rt_heap_block_bytes(void);

/* ----------------------------------------------------------------------
 * Equality
 * ---------------------------------------------------------------------- */

/* Whether two values are equal. Containers are compared by content, floats
 * as IEEE has it (NaN is unequal to itself, 0.0 equals -0.0), and values of
 * different types are unequal: 1 is not 1.0. A stale value equals nothing. */
bool rt_value_eq(RuntimeValue left, RuntimeValue right);

/* Whether two values are the same one: the same object or the same bits. */
bool rt_value_identical(RuntimeValue left, RuntimeValue right);

/* The order of two integers, two floats or two strings: -1, 0 or 1; 2 if the
 * values have no order (NaN, different types, other types). */
int64_t rt_value_compare(RuntimeValue left, RuntimeValue right);

/* The hash of a value, never negative: equal values have equal hashes. -1 for
 * a value that cannot be a key: NaN, an array, a dict, an object, a stale
 * value, and a tuple or an enum that holds one. A tuple that is hashed is
 * sealed: `rt_tuple_set` fails on it from then on. */
int64_t rt_value_hash(RuntimeValue value);

/* ----------------------------------------------------------------------
 * Strings
 * ---------------------------------------------------------------------- */

/* A string of UTF-8 text; nil for text that is not UTF-8 or not readable.
 *
 * Safety:
 * `text` is null or valid for reads of `len` bytes. */
RuntimeValue rt_string_new(const uint8_t *text, int64_t len);

/* Length of a string in bytes; -1 for any other value. */
int64_t rt_string_len(RuntimeValue string);

/* The bytes of a string, valid until it is freed, without a terminating zero;
 * null for any other value. The pointer of an empty string is not null. */
const uint8_t *rt_string_data(RuntimeValue string);

/* Both strings, one after the other, as a new one; nil if a value is no
 * string or the result is longer than 2^28 bytes. */
RuntimeValue rt_string_concat(RuntimeValue left, RuntimeValue right);

/* Copies the bytes of a string to `out`; -1 for a value that is no string and
 * for a bad buffer. See `rt_string_data` for a look without a copy.
 *
 * Safety:
 * `out` is null or valid for writes of `cap` bytes. */
int64_t rt_string_copy(RuntimeValue string, uint8_t *out, int64_t cap);

/* Number of characters (Unicode scalar values); -1 for a value that is no
 * string. */
int64_t rt_string_char_count(RuntimeValue string);

/* The bytes from `start` up to `end` as a new string; nil if they are out of
 * range, in the wrong order, or would cut a character. */
RuntimeValue rt_string_slice(RuntimeValue string, int64_t start, int64_t end);

/* Where a string first stands in another, as a byte index of at least `from`;
 * -1 if it does not, and for bad values. */
int64_t rt_string_find(RuntimeValue string, RuntimeValue part, int64_t from);

/* ----------------------------------------------------------------------
 * Arrays
 * ---------------------------------------------------------------------- */

/* An empty array with room for `capacity` items; nil if that is negative, or
 * more than 2^24, or does not fit into memory. */
RuntimeValue rt_array_new(int64_t capacity);

/* Number of items; -1 for a value that is no array. */
int64_t rt_array_len(RuntimeValue array);

/* Number of items the array has room for; -1 for a value that is no array. */
int64_t rt_array_capacity(RuntimeValue array);

/* The item at an index; nil if the index is out of range or the value is no
 * array. */
RuntimeValue rt_array_get(RuntimeValue array, int64_t index);

/* Replaces the item at an index; false if there is none. */
bool rt_array_set(RuntimeValue array, int64_t index, RuntimeValue value);

/* Appends an item; the room doubles when it is used up. False for a value
 * that is no array, and if the memory is short. */
bool rt_array_push(RuntimeValue array, RuntimeValue value);

/* Takes the last item off; nil if there is none or the value is no array. */
RuntimeValue rt_array_pop(RuntimeValue array);

/* Removes all items and keeps the room; false for a value that is no array. */
bool rt_array_clear(RuntimeValue array);

/* Inserts an item before the one at `index`, or at the end if `index` is the
 * length; false if it is out of range. */
bool rt_array_insert(RuntimeValue array, int64_t index, RuntimeValue value);

/* Takes the item at an index out; nil if there is none. */
RuntimeValue rt_array_remove(RuntimeValue array, int64_t index);

/* Where a value first stands in an array, as `rt_value_eq` compares; -1 if
 * it does not, and for a value that is no array. */
int64_t rt_array_index_of(RuntimeValue array, RuntimeValue value);

/* Turns the order of the items round; false for a value that is no array. */
bool rt_array_reverse(RuntimeValue array);

/* The items from `start` up to `end` as a new array; nil if they are out of
 * range or in the wrong order. */
RuntimeValue rt_array_slice(RuntimeValue array, int64_t start, int64_t end);

/* ----------------------------------------------------------------------
 * Tuples
 * ---------------------------------------------------------------------- */

/* A tuple of `len` nils, to be filled with `rt_tuple_set`; nil if `len` is
 * negative or more than 2^24. */
RuntimeValue rt_tuple_new(int64_t len);

/* Length of a tuple; -1 for any other value. */
int64_t rt_tuple_len(RuntimeValue tuple);

/* The item at an index; nil if there is none. */
RuntimeValue rt_tuple_get(RuntimeValue tuple, int64_t index);

/* Sets the item at an index; false if there is none, and for a tuple that was
 * used as a key (see `rt_value_hash`). */
bool rt_tuple_set(RuntimeValue tuple, int64_t index, RuntimeValue value);

/* ----------------------------------------------------------------------
 * Dictionaries
 * ---------------------------------------------------------------------- */

/* An empty dict with room for `capacity` entries; nil if that is negative or
 * more than 2^24. */
RuntimeValue rt_dict_new(int64_t capacity);

/* Number of entries; -1 for a value that is no dict. */
int64_t rt_dict_len(RuntimeValue dict);

/* The value of a key; nil if the dict has none, for a value that cannot be a
 * key, and for one that is no dict. `rt_dict_contains` tells a nil value
 * from none. */
RuntimeValue rt_dict_get(RuntimeValue dict, RuntimeValue key);

/* Sets the value of a key. False for a value that is no dict and for a key
 * without a hash (see `rt_value_hash`). */
bool rt_dict_set(RuntimeValue dict, RuntimeValue key, RuntimeValue value);

/* Whether the dict has this key; false for bad values too. */
bool rt_dict_contains(RuntimeValue dict, RuntimeValue key);

/* Removes a key; whether the dict had it. */
bool rt_dict_remove(RuntimeValue dict, RuntimeValue key);

/* Removes all entries; false for a value that is no dict. */
bool rt_dict_clear(RuntimeValue dict);

/* The keys as a new array, in the order they were first set; nil for a
 * value that is no dict. */
RuntimeValue rt_dict_keys(RuntimeValue dict);

/* The values as a new array, in the order of `rt_dict_keys`; nil for a
 * value that is no dict. */
RuntimeValue rt_dict_values(RuntimeValue dict);

/* ----------------------------------------------------------------------
 * Objects
 * ---------------------------------------------------------------------- */

/* An object of a class, with `field_count` fields that are nil; nil if the
 * count is negative or more than 2^24. */
RuntimeValue rt_object_new(int64_t class_id, int64_t field_count);

/* The field with this number; nil if there is none. */
RuntimeValue rt_object_field_get(RuntimeValue object, int64_t field);

/* Sets the field with this number; false if there is none. */
bool rt_object_field_set(RuntimeValue object, int64_t field, RuntimeValue value);

/* The class of an object; -1 for any other value. */
int64_t rt_object_class_id(RuntimeValue object);

/* Number of fields; -1 for a value that is no object. */
int64_t rt_object_field_count(RuntimeValue object);

/* A closure over a function, with `capture_count` captures that are nil; nil
 * for a null function, and for a count that is negative or more than 2^24.
 * The function is only kept, never called from here. */
RuntimeValue rt_closure_new(const uint8_t *function, int64_t capture_count);

/* Sets the capture with this number; false if there is none. */
bool rt_closure_set_capture(RuntimeValue closure, int64_t capture, RuntimeValue value);

/* The capture with this number; nil if there is none. */
RuntimeValue rt_closure_get_capture(RuntimeValue closure, int64_t capture);

/* The function of a closure; null for any other value. */
const uint8_t *rt_closure_func_ptr(RuntimeValue closure);

/* A variant of an enum with its payload (nil for none). */
RuntimeValue rt_enum_new(int64_t enum_id, int64_t discriminant, RuntimeValue payload);

/* The discriminant of a variant; -1 for a value that is no enum. */
int64_t rt_enum_discriminant(RuntimeValue variant);

/* The payload of a variant; nil for a value that is no enum. */
RuntimeValue rt_enum_payload(RuntimeValue variant);

/* ----------------------------------------------------------------------
 * Generators
 * ---------------------------------------------------------------------- */

/* Makes a generator with a step and `slot_count` slots, which are nil. Nothing is run yet.
 * Returns 0 for a null step and for a count that is negative or more than 2^24. */
int64_t rt_generator_new(void (*step)(int64_t), int64_t slot_count);

/* Hands a value to whoever called `rt_generator_next`. Only the step may do that, on its own
 * thread and once for each call; false otherwise, and for a bad handle. */
bool rt_generator_yield(int64_t handle, RuntimeValue value);

/* Runs one step and gives the value it yielded.
 *
 * Nil without an error when the generator is exhausted (`rt_generator_is_done` tells that from
 * a nil that was yielded). Nil with the error recorded for a bad handle, while a step of this
 * generator is being run (by itself or by another thread), and when more than 200 callbacks are
 * nested on this thread. */
RuntimeValue rt_generator_next(int64_t handle);

/* Whether the generator is exhausted, which shows only in the call of `rt_generator_next` after
 * its last value. True for a bad handle as well, so that loops end. */
bool rt_generator_is_done(int64_t handle);

/* The slot with this number; nil if there is none or the handle is bad. */
RuntimeValue rt_generator_get_slot(int64_t handle, int64_t slot);

/* Sets the slot with this number; false if there is none or the handle is bad. */
bool rt_generator_set_slot(int64_t handle, int64_t slot, RuntimeValue value);

/* Frees a generator; a step that is being run goes on to its end, but cannot yield any more.
 * False if it is not (or no longer) one. */
bool rt_generator_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Interpreter bridge
 * ---------------------------------------------------------------------- */

/* A name that does not exist; prints it to the error stream, records the
 * error and gives nil, so that a program can go on.
 *
 * Safety:
 * `name` is null or valid for reads of `len` bytes. */
RuntimeValue rt_function_not_found(const uint8_t *name, int64_t len);

/* A type without the method that is called on it; prints both names to the
 * error stream, records the error and gives nil. See `rt_function_not_found`.
 *
 * Safety:
 * `type_name` and `method` are null or valid for reads of their lengths. */
RuntimeValue rt_method_not_found(const uint8_t *type_name, int64_t type_len, const uint8_t *method, int64_t method_len);

/* The code of the last error of this thread; 0 if there is none. */
int64_t rt_error_last_code(void);

/* Copies the message of the last error of this thread to `out`; length 0 if
 * there is none, -1 for a bad buffer.
 *
 * Safety:
 * `out` is null or valid for writes of `cap` bytes. */
int64_t rt_error_last_message(uint8_t *out, int64_t cap);

/* Whether this thread has a last error. */
bool rt_error_has(void);

/* Forgets the last error of this thread; whether there was one. */
bool rt_error_clear(void);

/* Makes this the last error of the thread. False, and no change, for code 0,
 * for a code that does not exist and for a message that is not UTF-8.
 *
 * Safety:
 * `message` is null or valid for reads of `len` bytes. */
bool rt_error_set(int64_t code, const uint8_t *message, int64_t len);

/* Copies what an error code means to `out`; -1 for a code that does not exist
 * and for a bad buffer.
 *
 * Safety:
 * `out` is null or valid for writes of `cap` bytes. */
int64_t rt_error_describe(int64_t code, uint8_t *out, int64_t cap);

/* Number of errors that were recorded in this process, over all threads. */
int64_t rt_error_total(void);

/* Evaluates statements and gives the value of the last one: `x = 2; x * 21`.
 *
 * Known are int, float, string, bool and nil literals, variables, assignment,
 * calls (see `rt_interp_call`), parentheses, and by rising priority `or`,
 * `and`, comparisons, `+ -`, `* / %`, `not` and `-`, `**`. `/` on integers
 * truncates; an integer with a float counts as a float. On an error it is
 * recorded and the result is nil.
 *
 * A handler from `rt_interp_set_eval_handler` takes the place of all this.
 *
 * Safety:
 * `source` is null or valid for reads of `len` bytes. */
RuntimeValue rt_interp_eval(const uint8_t *source, int64_t len);

/* Calls a function by name. A handler from `rt_interp_set_call_handler`
 * gets every call; without one it is the function of `rt_interp_register`,
 * or a built-in one: `abs`, `min`, `max`, `sqrt`, `floor`, `int`, `float`,
 * `str`, `len`, `type`. For another name it is `rt_function_not_found`.
 *
 * Safety:
 * `name` is null or valid for reads of `name_len` bytes, `argv` is null or
 * valid for reads of `argc` values. */
RuntimeValue rt_interp_call(const uint8_t *name, int64_t name_len, int64_t argc, const RuntimeValue *argv);

/* Sets or, with null, removes the handler of `rt_interp_call`; whether one
 * was set before. */
bool rt_interp_set_call_handler(RuntimeValue (*handler)(const uint8_t *, int64_t, int64_t, const RuntimeValue *));

/* Sets or, with null, removes the handler of `rt_interp_eval`; whether one
 * was set before. */
bool rt_interp_set_eval_handler(RuntimeValue (*handler)(const uint8_t *, int64_t));

/* Which handlers are set: 1 for calls, plus 2 for expressions. */
int64_t rt_interp_handlers(void);

/* Makes a native function callable by name, or with null no longer. False for
 * a name that is no identifier, and if there was nothing to remove.
 *
 * Safety:
 * `name` is null or valid for reads of `len` bytes. */
bool rt_interp_register(const uint8_t *name, int64_t len, RuntimeValue (*function)(int64_t, const RuntimeValue *));

/* Sets a variable of the interpreter; false for a name that is no identifier.
 *
 * Safety:
 * `name` is null or valid for reads of `len` bytes. */
bool rt_interp_set_var(const uint8_t *name, int64_t len, RuntimeValue value);

/* A variable of the interpreter; nil, with the error recorded, if there is
 * none.
 *
 * Safety:
 * `name` is null or valid for reads of `len` bytes. */
RuntimeValue rt_interp_get_var(const uint8_t *name, int64_t len);

/* Forgets all variables of the interpreter; how many there were. */
int64_t rt_interp_clear_vars(void);

/* ----------------------------------------------------------------------
 * Compiler: types and templates (feature "compiler")
 * ---------------------------------------------------------------------- */

#ifdef NATIVE_REF_COMPILER
/* Makes a context: a cache of instances and counts. Calls on one context take turns, calls on
 * different ones do not. Free it with `__rt_compiler_destroy_context`. */
int64_t __rt_compiler_create_context(void);
#endif

#ifdef NATIVE_REF_COMPILER
/* Frees a context with its cache. False if it is not (or no longer) one. */
bool __rt_compiler_destroy_context(int64_t context);
#endif

#ifdef NATIVE_REF_COMPILER
/* Finds the most general type of a program; the JSON is described at the top of this section of the
 * sources. Writes `{"ok":true,"type":…,"text":"fn(a) -> a"}` or an error to `out` and returns the
 * length.
 *
 * The errors: `json`, `form`, `too-large`, `depth`, `range`, `unknown-name`, `arity`, `mismatch`,
 * `occurs`, `class`, `too-complex`. Returns -1 for a bad handle, a bad buffer, and a source that is
 * not readable UTF-8. Each call counts, the one that asks for the length too.
 *
 * Safety:
 * `source` is null or valid for reads of `len` bytes, `out` is null or valid for writes of `cap`
 * bytes. */
int64_t __rt_compiler_infer_types(int64_t context, const uint8_t *source, int64_t len, uint8_t *out, int64_t cap);
#endif

#ifdef NATIVE_REF_COMPILER
/* Checks the code of a function: the depth of the stack and the types on it at every instruction,
 * that jumps lead to instructions, that slots have a value before they are read, that every path
 * ends in a return and every instruction is on one. Writes `{"ok":true,"instructions":7,"stack":2}`
 * or an error to `out` and returns the length. The answer of
 * `__rt_compiler_instantiate_template` can be checked as it is.
 *
 * A program with a `type` beside its `body` is checked to be of that type, whatever types its
 * variables stand for; the answer is `{"ok":true,"type":…}`.
 *
 * The errors: those of `__rt_compiler_infer_types`, and `open-type`, `jump-target`,
 * `stack-underflow`, `stack-overflow`, `stack-mismatch`, `stack-left`, `slot`, `unassigned`,
 * `falls-off`, `unreachable`. Returns -1 as that function does.
 *
 * Safety:
 * As for `__rt_compiler_infer_types`. */
int64_t __rt_compiler_check_types(int64_t context, const uint8_t *source, int64_t len, uint8_t *out, int64_t cap);
#endif

#ifdef NATIVE_REF_COMPILER
/* Makes the code of a template for a list of types. Writes `{"ok":true,"function":…}` or an error
 * to `out` and returns the length.
 *
 * The context keeps what it made: the same template with the same types is a hit and costs
 * nothing, whichever order the keys of objects have. Asking for the length is a call like any
 * other, so it is the miss and the next one the hit. The oldest instances go when there are more
 * than 1,024, or 16 MiB.
 *
 * The errors: those of `__rt_compiler_infer_types`, and `open-type`, `unknown-variable`,
 * `ambiguous`, `unsupported`. Returns -1 as that function does.
 *
 * Safety:
 * `source` and `types` are null or valid for reads of their lengths, `out` is null or valid for
 * writes of `cap` bytes. */
int64_t __rt_compiler_instantiate_template(int64_t context, const uint8_t *source, int64_t len, const uint8_t *types, int64_t types_len, uint8_t *out, int64_t cap);
#endif

#ifdef NATIVE_REF_COMPILER
/* Writes the counts of a context to `out` as JSON and returns the length: `contexts` (of the whole
 * process), `inferences`, `checks`, `instantiations` and the `…_errors` of each, `cache_hits`,
 * `cache_misses`, `cache_evictions`, `cache_entries`, `unifications`. -1 for a bad handle and a bad
 * buffer.
 *
 * Safety:
 * `out` is null or valid for writes of `cap` bytes. */
int64_t __rt_compiler_get_stats(int64_t context, uint8_t *out, int64_t cap);
#endif

/* ----------------------------------------------------------------------
 * Contracts
 * ---------------------------------------------------------------------- */

/* Checks a contract: 1 if `condition` is not 0 or contracts are switched off,
 * 0 if it does not hold; -1 for a kind that does not exist (0 precondition,
 * 1 postcondition, 2 error postcondition, 3 and 4 invariant on entry and exit,
 * 5 assertion) or a name that is not readable.
 *
 * A violation is counted, recorded as the last error, and kept for
 * `rt_contract_violation_last`. The program goes on.
 *
 * Safety:
 * `function` is null or valid for reads of `len` bytes. */
int64_t simple_contract_check(int64_t condition, int64_t kind, const uint8_t *function, int64_t len);

/* Like `simple_contract_check`, with a message.
 *
 * Safety:
 * `function` and `message` are null or valid for reads of their lengths. */
int64_t simple_contract_check_msg(int64_t condition, int64_t kind, const uint8_t *function, int64_t len, const uint8_t *message, int64_t message_len);

/* Switches the contracts of this thread on or off; whether they were on. */
bool rt_contract_set_enabled(bool enabled);

/* Number of violations in this process, over all threads. */
int64_t rt_contract_violation_count(void);

/* A handle of a violation, to be freed with `rt_contract_violation_free`;
 * -1 for a kind that does not exist and for text that is not readable.
 *
 * Safety:
 * `function` and `message` are null or valid for reads of their lengths. */
int64_t rt_contract_violation_new(int64_t kind, const uint8_t *function, int64_t len, const uint8_t *message, int64_t message_len);

/* A handle of the last violation of this thread, to be freed like any other;
 * -1 if there was none. */
int64_t rt_contract_violation_last(void);

/* The kind of a violation; -1 for a stale handle. */
int64_t rt_contract_violation_kind(int64_t violation);

/* Copies the name of the function to `out`; -1 for a stale handle. */
int64_t rt_contract_violation_func_name(int64_t violation, uint8_t *out, int64_t cap);

/* Copies the message to `out`; -1 for a stale handle. */
int64_t rt_contract_violation_message(int64_t violation, uint8_t *out, int64_t cap);

/* Copies the whole text, as it is recorded, to `out`; -1 for a stale
 * handle. */
int64_t rt_contract_violation_text(int64_t violation, uint8_t *out, int64_t cap);

/* Frees a violation; false for a handle that is stale already. */
bool rt_contract_violation_free(int64_t violation);

/* ----------------------------------------------------------------------
 * Advice
 * ---------------------------------------------------------------------- */

/* Runs `advice` with the argument in place of `target` and gives what it returns. The advice may
 * run the target with `rt_aop_proceed`, as often as it likes or not at all.
 *
 * A target may have advice of its own. Nil with the error recorded if a function is missing, and
 * when more than 200 callbacks are nested on this thread. */
RuntimeValue rt_aop_invoke_around(RuntimeValue (*target)(RuntimeValue), RuntimeValue (*advice)(RuntimeValue), RuntimeValue argument);

/* Runs the target of the advice that is running on this thread, and gives what it returns.
 *
 * Nil with the error recorded outside advice (in the target too, and on another thread), and when
 * more than 200 callbacks are nested. */
RuntimeValue rt_aop_proceed(RuntimeValue argument);

/* ----------------------------------------------------------------------
 * Program arguments
 * ---------------------------------------------------------------------- */

/* Sets the arguments of the program to the strings of an array, which are copied. False, and
 * nothing is changed, if the value is no array or an item is no string. */
bool rt_set_args(RuntimeValue array);

/* The arguments of the program as a new array of new strings; empty before `rt_set_args`. */
RuntimeValue rt_get_args(void);

/* Number of arguments of the program. */
int64_t rt_get_argc(void);

/* Forgets the arguments of the program; gives how many there were. */
int64_t rt_clear_args(void);

/* ----------------------------------------------------------------------
 * Coverage of decisions, conditions and paths
 * ---------------------------------------------------------------------- */

/* Whether coverage is counted: if the environment variable `RT_COVERAGE` is `1`, `true`, `yes` or
 * `on`.
 *
 * This looks at the variable anew, and the probes of all threads go by what it found; so a program
 * that changes the variable, by `rt_env_set`, calls this afterwards. */
bool rt_coverage_enabled(void);

/* Counts one outcome of a decision (of an `if` as a whole, say). False if coverage is off, or if
 * 65,536 other decisions were seen already; the probe is counted as dropped then. */
bool rt_coverage_decision_probe(uint32_t decision, bool outcome);

/* Counts one outcome of a condition, which is a part of a decision. False as for
 * `rt_coverage_decision_probe`. */
bool rt_coverage_condition_probe(uint32_t decision, uint32_t condition, bool outcome);

/* Notes that this thread came to a block of a path (a call of a function, say). The path goes on
 * until `rt_coverage_path_finalize`. False if coverage is off, or if the thread is on 1,024 other
 * paths; the probe is counted as dropped then. */
bool rt_coverage_path_probe(uint32_t path, uint32_t block);

/* Ends the path that this thread is on and counts it. Returns its hash, which depends on the path
 * and its blocks in their order and on nothing else; 0 if coverage is off or no block was noted. A
 * path that finds no room among 65,536 others has a hash too, and is counted as dropped. */
uint64_t rt_coverage_path_finalize(uint32_t path);

/* All counts as a text that ends in a NUL byte; the form stands at the top of this section. It is
 * freed by `rt_coverage_free_sdn` alone. Null if there is no memory for it. */
uint8_t *rt_coverage_dump_sdn(void);

/* Frees a text from `rt_coverage_dump_sdn`. False for null, for one that was freed already and
 * for any other pointer; such memory is not touched. */
bool rt_coverage_free_sdn(uint8_t *text);

/* The text of a file as a string; nil, with the error recorded, if it cannot be read or is not
 * UTF-8, and for a path that is no string. See `rt_file_read_text`. */
RuntimeValue doctest_read_file(RuntimeValue path);

/* Whether there is anything with this path; false for a path that is no string. */
bool doctest_path_exists(RuntimeValue path);

/* Whether there is a file with this path; false for a path that is no string. */
bool doctest_is_file(RuntimeValue path);

/* Whether there is a folder with this path; false for a path that is no string. */
bool doctest_is_dir(RuntimeValue path);

/* Whether a text stands anywhere in a path; false if either is no string. */
bool doctest_path_contains(RuntimeValue path, RuntimeValue part);

/* Whether the last name of a path has this extension, given with its dot or without; an empty one
 * means none. Upper and lower case differ. False if either is no string. */
bool doctest_path_has_extension(RuntimeValue path, RuntimeValue extension);

/* The files below a folder whose path fits one of the `include` patterns and, like the folders
 * around it, none of the `exclude` patterns: sorted, as an array of strings, each beginning with
 * the folder as it was given. Both are arrays of patterns of `rt_glob_match`, or nil for none;
 * without `include` every file fits. A pattern without a slash is about the last name, any other
 * about the path seen from the folder. Links are not followed.
 *
 * Nil, with the error recorded, if the folder cannot be read or has more than 2^20 entries, and for
 * a value that is not what it should be. */
RuntimeValue doctest_walk_directory(RuntimeValue folder, RuntimeValue include, RuntimeValue exclude);

/* ----------------------------------------------------------------------
 * Math
 * ---------------------------------------------------------------------- */

/* Square root; NaN below zero. */
double rt_math_sqrt(double x);

/* Cube root. */
double rt_math_cbrt(double x);

/* Sine of an angle in radians. */
double rt_math_sin(double x);

/* Cosine of an angle in radians. */
double rt_math_cos(double x);

/* Tangent of an angle in radians. */
double rt_math_tan(double x);

/* Arc sine; NaN outside -1 to 1. */
double rt_math_asin(double x);

/* Arc cosine; NaN outside -1 to 1. */
double rt_math_acos(double x);

/* Arc tangent. */
double rt_math_atan(double x);

/* Hyperbolic sine. */
double rt_math_sinh(double x);

/* Hyperbolic cosine. */
double rt_math_cosh(double x);

/* Hyperbolic tangent. */
double rt_math_tanh(double x);

/* e to the power of `x`. */
double rt_math_exp(double x);

/* Natural logarithm; minus infinity for zero, NaN below. */
double rt_math_ln(double x);

/* Logarithm to base 2. */
double rt_math_log2(double x);

/* Logarithm to base 10. */
double rt_math_log10(double x);

/* The largest whole number not above `x`. */
double rt_math_floor(double x);

/* The smallest whole number not below `x`. */
double rt_math_ceil(double x);

/* The nearest whole number, halves away from zero. */
double rt_math_round(double x);

/* `x` without its fraction. */
double rt_math_trunc(double x);

/* Absolute value. */
double rt_math_abs(double x);

/* `base` to the power of `exponent`. */
double rt_math_pow(double base, double exponent);

/* The angle of the point (`x`, `y`), in the right quadrant. */
double rt_math_atan2(double y, double x);

/* Length of the hypotenuse, without overflow on the way. */
double rt_math_hypot(double x, double y);

/* Remainder with the sign of `x` (C's `fmod`); NaN for a zero divisor. */
double rt_math_fmod(double x, double y);

/* The smaller number. NaN if either is NaN, and -0.0 counts as smaller than 0.0. */
double rt_math_min(double a, double b);

/* The larger number. NaN if either is NaN, and 0.0 counts as larger than -0.0. */
double rt_math_max(double a, double b);

/* `x` held between `low` and `high`; NaN if any of them is NaN or `low` is above `high`. */
double rt_math_clamp(double x, double low, double high);

/* Whether `x` is NaN. */
bool rt_math_is_nan(double x);

/* Whether `x` is neither NaN nor infinite. */
bool rt_math_is_finite(double x);

/* ----------------------------------------------------------------------
 * Vectors of numbers
 * ---------------------------------------------------------------------- */

/* Makes a vector of `count` numbers. Returns 0 for a negative count, more than 2^24, and a pointer
 * that is null (with a count) or not aligned.
 *
 * Safety:
 * `lanes` is null or valid for reads of `count` numbers. */
int64_t rt_vec_new(const double *lanes, int64_t count);

/* Makes a vector of the numbers in an array; integers become the nearest float. Returns 0 for a
 * value that is no array, and if an item is no number. */
int64_t rt_vec_from_array(RuntimeValue array);

/* The lanes as a new array of floats; nil for a bad handle. */
RuntimeValue rt_vec_to_array(int64_t vector);

/* Number of lanes; -1 for a bad handle. */
int64_t rt_vec_len(int64_t vector);

/* Copies the first lanes to `out`, at most `cap` (a count of numbers, not bytes), and returns how
 * many the vector has. -1 for a bad handle, a negative `cap`, and an `out` that is null (with a
 * `cap`) or not aligned.
 *
 * Safety:
 * `out` is null or valid for writes of `cap` numbers. */
int64_t rt_vec_read(int64_t vector, double *out, int64_t cap);

/* Frees a vector. False if it is not (or no longer) one. */
bool rt_vec_free(int64_t vector);

/* The absolute value of each lane (the sign of a NaN goes too); 0 for a bad handle. */
int64_t rt_vec_abs(int64_t vector);

/* The square root of each lane, NaN below zero (-0.0 stays); 0 for a bad handle. */
int64_t rt_vec_sqrt(int64_t vector);

/* The smallest whole number not below each lane; 0 for a bad handle. */
int64_t rt_vec_ceil(int64_t vector);

/* The largest whole number not above each lane; 0 for a bad handle. */
int64_t rt_vec_floor(int64_t vector);

/* The nearest whole number to each lane, halves away from zero; 0 for a bad handle. See
 * `rt_math_round`. */
int64_t rt_vec_round(int64_t vector);

/* The smallest lane, as `rt_math_min` compares: NaN if a lane is NaN, and -0.0 below 0.0.
 * Infinity for no lanes, NaN for a bad handle. */
double rt_vec_min(int64_t vector);

/* The largest lane, as `rt_math_max` compares: NaN if a lane is NaN, and 0.0 above -0.0.
 * Minus infinity for no lanes, NaN for a bad handle. */
double rt_vec_max(int64_t vector);

/* The sum of the lanes; 0.0 for no lanes, NaN for a bad handle. Lane `i` is added to partial
 * sum `i % 4`, then `(0 + 2) + (1 + 3)`: the last bits may differ from a sum in order. */
double rt_vec_sum(int64_t vector);

/* The product of the lanes; 1.0 for no lanes, NaN for a bad handle. The order is that of
 * `rt_vec_sum`. */
double rt_vec_product(int64_t vector);

/* Whether every lane is true, that is neither 0.0 nor -0.0 (NaN is true). True for no lanes, false
 * for a bad handle. */
bool rt_vec_all(int64_t vector);

/* Whether some lane is true, see `rt_vec_all`. False for no lanes and for a bad handle. */
bool rt_vec_any(int64_t vector);

/* Takes each lane from `a` where the lane of `mask` is true (see `rt_vec_all`), from `b` where it
 * is not. Returns 0 if the three are not equally long, and for a bad handle. */
int64_t rt_vec_select(int64_t mask, int64_t a, int64_t b);

/* Takes lane `i` from `b` where bit `i % 64` of `bits` is set, from `a` where it is not. Returns 0 if
 * the two are not equally long, and for a bad handle. */
int64_t rt_vec_blend(int64_t a, int64_t b, uint64_t bits);

/* A vector of `count` lanes: its lane `i` is the lane of `vector` that `indices[i]` names; one may
 * be named more than once. Returns 0 if one does not exist, for a negative count, more than 2^24,
 * a pointer that is null (with a count) or not aligned, and a bad handle.
 *
 * Safety:
 * `indices` is null or valid for reads of `count` integers. */
int64_t rt_vec_shuffle(int64_t vector, const int64_t *indices, int64_t count);

/* One lane; NaN if there is none with this number, and for a bad handle. */
double rt_vec_extract(int64_t vector, int64_t lane);

/* The vector with another number in one lane; 0 if there is no such lane, and for a bad handle. */
int64_t rt_vec_with(int64_t vector, int64_t lane, double value);

/* ----------------------------------------------------------------------
 * Hash: SHA-1
 * ---------------------------------------------------------------------- */

/* Starts a SHA-1 computation and returns its handle. */
int64_t rt_sha1_new(void);

/* Adds `len` bytes to a SHA-1 computation. Returns `len`, or -1 for a bad handle or bad input.
 *
 * Safety:
 * `data` must be null or point to `len` readable bytes. */
int64_t rt_sha1_write(int64_t handle, const uint8_t *data, int64_t len);

/* Writes the 20-byte digest of everything written so far to `out`.
 *
 * The computation itself is not ended: more can be written, and the digest asked for again.
 * Returns 20 (only `cap` bytes are written if `cap` is smaller), or -1 for a bad handle.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable bytes. */
int64_t rt_sha1_finish(int64_t handle, uint8_t *out, int64_t cap);

/* Puts a SHA-1 computation back to its start. False for a bad handle. */
bool rt_sha1_reset(int64_t handle);

/* Frees a SHA-1 handle. False if it is not (or no longer) one. */
bool rt_sha1_free(int64_t handle);

/* ----------------------------------------------------------------------
 * SHA-256
 * ---------------------------------------------------------------------- */

/* Starts a SHA-256 computation and returns its handle. */
int64_t rt_sha256_new(void);

/* Adds `len` bytes to a SHA-256 computation. Returns `len`, or -1 for a bad handle or bad input.
 *
 * Safety:
 * `data` must be null or point to `len` readable bytes. */
int64_t rt_sha256_write(int64_t handle, const uint8_t *data, int64_t len);

/* Writes the 32-byte digest of everything written so far to `out`; otherwise as `rt_sha1_finish`.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable bytes. */
int64_t rt_sha256_finish(int64_t handle, uint8_t *out, int64_t cap);

/* Puts a SHA-256 computation back to its start. False for a bad handle. */
bool rt_sha256_reset(int64_t handle);

/* Frees a SHA-256 handle. False if it is not (or no longer) one. */
bool rt_sha256_free(int64_t handle);

/* Starts an XXH64 computation with `seed` and returns its handle. */
int64_t rt_xxhash_new(uint64_t seed);

/* Adds `len` bytes to an XXH64 computation. Returns `len`, or -1 for a bad handle or bad input.
 *
 * Safety:
 * `data` must be null or point to `len` readable bytes. */
int64_t rt_xxhash_write(int64_t handle, const uint8_t *data, int64_t len);

/* The hash of everything written so far; the computation goes on. 0 for a bad handle.
 *
 * Zero is also a possible (if most unlikely) hash: `rt_xxhash_finish_into` tells them apart. */
uint64_t rt_xxhash_finish(int64_t handle);

/* Stores the hash of everything written so far in `*out`. False for a bad handle or a null `out`.
 *
 * Safety:
 * `out` must be null or point to a writable, aligned `u64`. */
bool rt_xxhash_finish_into(int64_t handle, uint64_t *out);

/* Puts an XXH64 computation back to its start, with the same seed. False for a bad handle. */
bool rt_xxhash_reset(int64_t handle);

/* Frees an XXH64 handle. False if it is not (or no longer) one. */
bool rt_xxhash_free(int64_t handle);

/* The XXH64 of `len` bytes in one call; 0 for bad input.
 *
 * Safety:
 * `data` must be null or point to `len` readable bytes. */
uint64_t rt_xxhash_hash(const uint8_t *data, int64_t len, uint64_t seed);

/* ----------------------------------------------------------------------
 * Output
 * ---------------------------------------------------------------------- */

/* Bytes that were printed or captured in this process, on both streams. */
int64_t rt_print_total_bytes(void);

int64_t rt_print_str(const uint8_t *text, int64_t len);

int64_t rt_println_str(const uint8_t *text, int64_t len);

int64_t rt_eprint_str(const uint8_t *text, int64_t len);

int64_t rt_eprintln_str(const uint8_t *text, int64_t len);

int64_t rt_print_value(RuntimeValue value);

int64_t rt_println_value(RuntimeValue value);

int64_t rt_eprint_value(RuntimeValue value);

int64_t rt_eprintln_value(RuntimeValue value);

/* Prints text with a line end.
 *
 * Safety:
 * `text` is null or valid for reads of `len` bytes. */
int64_t rt_puts(const uint8_t *text, int64_t len);

/* Hands what the standard output still holds to the system; false if that
 * fails. */
bool rt_print_flush(void);

/* Whether a stream (0 input, 1 output, 2 errors) is a terminal and neither
 * captured nor mocked; false for any other number. */
bool rt_print_is_terminal(int64_t stream);

/* The file descriptor of a stream (0 input, 1 output, 2 errors); -1 for any
 * other number. */
int64_t rt_print_stream_fd(int64_t stream);

/* ----------------------------------------------------------------------
 * Capturing output
 * ---------------------------------------------------------------------- */

bool rt_capture_stdout_start(void);

RuntimeValue rt_capture_stdout_stop(void);

RuntimeValue rt_capture_stdout_get(void);

bool rt_capture_stdout_is_active(void);

bool rt_capture_stdout_clear(void);

bool rt_capture_stderr_start(void);

RuntimeValue rt_capture_stderr_stop(void);

RuntimeValue rt_capture_stderr_get(void);

bool rt_capture_stderr_is_active(void);

bool rt_capture_stderr_clear(void);

/* ----------------------------------------------------------------------
 * Files that load in the background
 * ---------------------------------------------------------------------- */

/* A file that can be loaded in the background; the path is looked at only then. Returns 0 for a
 * path that is empty or not readable UTF-8.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
int64_t rt_async_file_create(const uint8_t *path, int64_t len);

/* Starts to load a file on a thread of its own and returns at once. False if that was started
 * before, if no thread can be made, and for a bad handle. */
bool rt_async_file_start_loading(int64_t handle);

/* Whether the loading has ended, well or not: `rt_async_file_wait` gives the outcome without
 * waiting. False for a bad handle. */
bool rt_async_file_is_ready(int64_t handle);

/* How far the loading is: 0 not started, 1 under way, 2 loaded, 3 failed; -1 for a bad handle. */
int64_t rt_async_file_get_state(int64_t handle);

/* The content of the file as a new string, waiting up to `timeout_ms` for it (negative: as long
 * as it takes, for ever where the system never answers). Starts the loading if nobody did.
 *
 * Nil, with the error recorded, if the file cannot be read, is not UTF-8, is longer than 2^28
 * bytes or no regular file, when the time is up, and for a bad handle. */
RuntimeValue rt_async_file_wait(int64_t handle, int64_t timeout_ms);

/* Frees a file; who waits for it still gets the content. False if it is not (or no longer) one. */
bool rt_async_file_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Files
 * ---------------------------------------------------------------------- */

/* Makes this text the standard input of the thread, from its beginning; false
 * for text that is not readable UTF-8.
 *
 * Safety:
 * `text` is null or valid for reads of `len` bytes. */
bool rt_stdin_mock_set(const uint8_t *text, int64_t len);

/* Gives the thread its real standard input back; whether a mock was set. */
bool rt_stdin_mock_clear(void);

/* Whether a mock takes the place of the standard input. */
bool rt_stdin_mock_active(void);

/* Bytes of the mock that were not read yet; -1 without a mock. */
int64_t rt_stdin_mock_remaining(void);

/* The next line of the standard input, without its end, as a string; nil at
 * the end of the input and, with the error recorded, if reading fails or the
 * line is not UTF-8. */
RuntimeValue rt_stdin_read_line(void);

/* The next character of the standard input as its number; -1 at the end of
 * the input, -2 if reading fails or the input is not UTF-8. */
int64_t rt_stdin_read_char(void);

/* The rest of the standard input as a string, empty at its end; nil, with the
 * error recorded, if reading fails or it is not UTF-8. */
RuntimeValue rt_stdin_read_all(void);

/* The text of a file as a string; nil, with the error recorded, if it cannot be read, is not
 * UTF-8, is longer than 2^28 bytes, or is a named pipe.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
RuntimeValue rt_file_read_text(const uint8_t *path, int64_t len);

/* Copies the bytes of a file to `out` and returns how many there are; -1, with the error
 * recorded, as for `rt_file_read_text`, but for any bytes.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`. */
int64_t rt_file_read_bytes(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* The lines of a file, without their ends, as an array of strings; nil, with the error recorded,
 * as for `rt_file_read_text` and for more than 2^24 lines.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
RuntimeValue rt_file_read_lines(const uint8_t *path, int64_t len);

/* Number of lines of a file, whether it is text or not; -1, with the error recorded, if it cannot
 * be read.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
int64_t rt_file_count_lines(const uint8_t *path, int64_t len);

/* Makes UTF-8 text the content of a file, which need not exist yet. */
int64_t rt_file_write_text(const uint8_t *path, int64_t path_len, const uint8_t *text, int64_t len);

/* Makes bytes the content of a file, which need not exist yet. */
int64_t rt_file_write_bytes(const uint8_t *path, int64_t path_len, const uint8_t *data, int64_t len);

/* Appends UTF-8 text to a file, which need not exist yet. */
int64_t rt_file_append_text(const uint8_t *path, int64_t path_len, const uint8_t *text, int64_t len);

/* Appends bytes to a file, which need not exist yet. */
int64_t rt_file_append_bytes(const uint8_t *path, int64_t path_len, const uint8_t *data, int64_t len);

/* Makes bytes the content of a file in one step: whoever reads it sees the old content or the new
 * one, never a part. Returns the number of bytes; -1, with the error recorded, if that is not
 * possible; then the file is as it was. A symbolic link is replaced by a file.
 *
 * Safety:
 * `path` and `data` are null or valid for reads of their lengths. */
int64_t rt_file_write_atomic(const uint8_t *path, int64_t path_len, const uint8_t *data, int64_t len);

/* Whether there is a file, a folder or anything else with this path; false for a link to nothing
 * and for what cannot be a path.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
bool rt_file_exists(const uint8_t *path, int64_t len);

/* Size of a file in bytes; -1, with the error recorded, if there is none or it is a folder.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
int64_t rt_file_size(const uint8_t *path, int64_t len);

/* Writes the SHA-256 of a file to `out` as 64 hexadecimal digits; see `rt_sha256_hex`. Returns
 * 64; -1, with the error recorded, if the file cannot be read.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`. */
int64_t rt_file_sha256(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Opens a file and returns its handle. The modes are those of C: `r`, `w`, `a` and `x` (a new
 * file), with `+` to read and write; a `b` changes nothing. -1, with the error recorded, for any
 * other mode, for a folder, for a named pipe, and if the file cannot be opened.
 *
 * Safety:
 * `path` and `mode` are null or valid for reads of their lengths. */
int64_t rt_file_open(const uint8_t *path, int64_t path_len, const uint8_t *mode, int64_t mode_len);

/* Reads up to `cap` bytes at the position of an open file; fewer only at its end, 0 there. -1,
 * with the error recorded, for a bad handle or buffer and if reading fails.
 *
 * Safety:
 * `out` is null or valid for writes of `cap` bytes. */
int64_t rt_file_read(int64_t file, uint8_t *out, int64_t cap);

/* The next line of an open file, without its end, as a string; nil at the end and, with the error
 * recorded, for a bad handle, for a line that is not UTF-8 or longer than 2^24 bytes, and if
 * reading fails. */
RuntimeValue rt_file_read_line(int64_t file);

/* Writes bytes at the position of an open file, or at its end in mode `a`. Returns how many;
 * -1, with the error recorded, for a bad handle, for data that is not readable, and if they were
 * not all written.
 *
 * Safety:
 * `data` is null or valid for reads of `len` bytes. */
int64_t rt_file_write(int64_t file, const uint8_t *data, int64_t len);

/* Moves the position of an open file: `origin` 0 counts from the beginning, 1 from the position,
 * 2 from the end. Returns the new position; -1, with the error recorded, for a bad handle,
 * another origin and a position before the beginning. Past the end is possible. */
int64_t rt_file_seek(int64_t file, int64_t offset, int64_t origin);

/* The position of an open file; -1, with the error recorded, for a bad handle. */
int64_t rt_file_tell(int64_t file);

/* Whether an open file has nothing more to read: 1 or 0; -1, with the error recorded, for a bad
 * handle and a file that is not open for reading. */
int64_t rt_file_at_end(int64_t file);

/* Cuts an open file, or fills it with zeros, to this length, at most 2^40; the position stays.
 * False, with the error recorded, for a bad handle or length and a file that is not open for
 * writing. */
bool rt_file_set_len(int64_t file, int64_t len);

/* Waits until what was written to an open file is on the disk; false, with the error recorded,
 * for a bad handle and if that fails. */
bool rt_file_sync(int64_t file);

/* Closes a file; false for a handle that is stale already. */
bool rt_file_close(int64_t file);

/* Number of files that are open by `rt_file_open`. */
int64_t rt_file_open_count(void);

/* A unique owner of a value. It is equal only to itself, whatever it holds. */
RuntimeValue rt_unique_new(RuntimeValue content);

/* What a unique holds; nil for any other value. */
RuntimeValue rt_unique_get(RuntimeValue unique);

/* Replaces what a unique holds; false for any other value. */
bool rt_unique_set(RuntimeValue unique, RuntimeValue content);

/* ----------------------------------------------------------------------
 * The file system
 * ---------------------------------------------------------------------- */

/* Whether there is a file with this path, or a link to one. */
bool rt_fs_is_file(const uint8_t *path, int64_t len);

/* Whether there is a folder with this path, or a link to one. */
bool rt_fs_is_dir(const uint8_t *path, int64_t len);

/* Whether there is a symbolic link with this path, whatever it leads to. */
bool rt_fs_is_symlink(const uint8_t *path, int64_t len);

/* Whether there is anything with this path, a link to nothing included; compare
 * `rt_file_exists`. */
bool rt_fs_exists(const uint8_t *path, int64_t len);

/* Makes a folder; the one around it has to exist. */
bool rt_fs_mkdir(const uint8_t *path, int64_t len);

/* Makes a folder and all those around it that are missing; it may exist already. */
bool rt_fs_mkdir_all(const uint8_t *path, int64_t len);

/* Removes a file or a symbolic link, not what it leads to. */
bool rt_fs_remove(const uint8_t *path, int64_t len);

/* Removes an empty folder. */
bool rt_fs_remove_dir(const uint8_t *path, int64_t len);

/* Removes a file, a link, or a folder with everything in it. Links are not followed. A path
 * without a name of its own (`/`, `.`, `a/..`) is refused. */
bool rt_fs_remove_all(const uint8_t *path, int64_t len);

/* Makes an empty file, or sets the time of the last change of one that exists to now. */
bool rt_fs_touch(const uint8_t *path, int64_t len);

/* Sets the time of the last change of a file or a folder, an instant as of `rt_datetime_now`;
 * false, with the error recorded, if that is not possible or there is no such instant.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
bool rt_fs_set_modified(const uint8_t *path, int64_t len, int64_t instant);

/* Gives a file or a folder another path, within the same file system; a file that has it
 * already is replaced. Returns 0. */
int64_t rt_fs_rename(const uint8_t *from, int64_t from_len, const uint8_t *to, int64_t to_len);

/* Copies the content and the permissions of a file; one that exists is replaced, unless it is
 * the same one. Returns the number of bytes. */
int64_t rt_fs_copy(const uint8_t *from, int64_t from_len, const uint8_t *to, int64_t to_len);

/* Copies a folder with everything in it to a path that does not exist yet and is not in that
 * folder. Symbolic links are copied as such. Returns the number of entries; what was copied
 * before an error stays. */
int64_t rt_fs_copy_all(const uint8_t *from, int64_t from_len, const uint8_t *to, int64_t to_len);

/* Gives a file a second name. Returns 0. */
int64_t rt_fs_hard_link(const uint8_t *from, int64_t from_len, const uint8_t *to, int64_t to_len);

/* Makes a symbolic link with the path `link` that leads to `target`, which need not exist.
 * Returns 0. Only on Unix. */
int64_t rt_fs_symlink(const uint8_t *target, int64_t from_len, const uint8_t *link, int64_t to_len);

/* Whether two paths lead to the same file or folder: 1 or 0. */
int64_t rt_fs_same_file(const uint8_t *first, int64_t from_len, const uint8_t *second, int64_t to_len);

/* What a path is: 1 a file, 2 a folder, 3 a symbolic link (which is not followed), 4 anything
 * else; 0 if there is nothing.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
int64_t rt_fs_kind(const uint8_t *path, int64_t len);

/* Writes what is known about a path to `out`, as many values as `cap` leaves room for: kind (as
 * for `rt_fs_kind`), size in bytes, the instants of the last change, the last access and the
 * creation (`i64::MIN` where the system does not know), the permission bits (0 where there are
 * none), the number of names, and 1 for read-only. A symbolic link is followed if `follow`.
 *
 * Returns 8; -1, with the error recorded, if there is nothing, and for bad arguments.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`
 * `i64`s. */
int64_t rt_fs_metadata(const uint8_t *path, int64_t len, bool follow, int64_t *out, int64_t cap);

/* Sets the permission bits (0 to 0o7777) of a file or a folder; false, with the error recorded,
 * for any other number and if that is not possible. Only on Unix.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
bool rt_fs_set_mode(const uint8_t *path, int64_t len, int64_t mode);

/* The names in a folder, sorted, as an array of strings, with U+FFFD for what is not UTF-8 (see
 * `rt_fs_list_raw`); nil, with the error recorded, if the folder cannot be read.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
RuntimeValue rt_fs_list(const uint8_t *path, int64_t len);

/* Copies the names in a folder to `out`, sorted, each as it is and with a NUL byte behind it.
 * Returns the full length; -1, with the error recorded, if the folder cannot be read.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`. */
int64_t rt_fs_list_raw(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* The paths of everything below a folder, seen from there, as an array of strings: each folder
 * before what is in it, otherwise sorted. `max_depth` 1 gives what is in the folder itself, a
 * negative one everything. Links are entered only if `follow`, each folder once, so that circles
 * end. A folder that cannot be read is listed and not entered.
 *
 * Nil, with the error recorded, if the first folder cannot be read and for more than 2^20 entries.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
RuntimeValue rt_fs_walk(const uint8_t *path, int64_t len, int64_t max_depth, bool follow);

/* Size of a file, or of all files below a folder, in bytes, without following links; -1, with the
 * error recorded, if there is nothing, and as for `rt_fs_walk`.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
int64_t rt_fs_tree_size(const uint8_t *path, int64_t len);

/* Copies where a symbolic link leads, as it is written there, to `out`; the full length. */
int64_t rt_fs_read_link(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Copies the one absolute path without links, `.` and `..` of something that exists to `out`;
 * the full length. `rt_path_absolute` does not look at the disk. */
int64_t rt_fs_canonical(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Makes a folder for temporary files that nobody else uses, and gives its path as a string. Its
 * name begins with `prefix`. Nil, with the error recorded, for a prefix that cannot begin a name
 * and if the folder cannot be made. Whoever made it removes it, see `rt_fs_remove_all`.
 *
 * Safety:
 * `prefix` is null or valid for reads of `len` bytes. */
RuntimeValue rt_fs_temp_dir(const uint8_t *prefix, int64_t len);

/* ----------------------------------------------------------------------
 * Base64 (RFC 4648)
 * ---------------------------------------------------------------------- */

/* Encodes bytes as standard, padded Base64. Returns the full length of the text, or -1 for bad
 * arguments; at most `cap` bytes are written to `out`.
 *
 * Safety:
 * `data` must be null or point to `len` readable bytes, `out` to `cap` writable ones. */
int64_t rt_base64_encode(const uint8_t *data, int64_t len, uint8_t *out, int64_t cap);

/* Decodes standard, padded Base64. Returns the number of bytes, -1 for bad arguments and -2 for
 * malformed text; at most `cap` bytes are written to `out`.
 *
 * Safety:
 * `text` must be null or point to `len` readable bytes, `out` to `cap` writable ones. */
int64_t rt_base64_decode(const uint8_t *text, int64_t len, uint8_t *out, int64_t cap);

/* Encodes bytes with the URL- and file-name-safe alphabet and without padding; otherwise as
 * `rt_base64_encode`.
 *
 * Safety:
 * `data` must be null or point to `len` readable bytes, `out` to `cap` writable ones. */
int64_t rt_base64_url_encode(const uint8_t *data, int64_t len, uint8_t *out, int64_t cap);

/* Decodes URL-safe Base64, padded or not; otherwise as `rt_base64_decode`.
 *
 * Safety:
 * `text` must be null or point to `len` readable bytes, `out` to `cap` writable ones. */
int64_t rt_base64_url_decode(const uint8_t *text, int64_t len, uint8_t *out, int64_t cap);

/* Length of the text that `rt_base64_encode` gives for `len` bytes; -1 if `len` is negative or
 * the length does not fit. */
int64_t rt_base64_encoded_len(int64_t len);

/* Whether the text is well-formed standard, padded Base64.
 *
 * Safety:
 * `text` must be null or point to `len` readable bytes. */
bool rt_base64_is_valid(const uint8_t *text, int64_t len);

/* ----------------------------------------------------------------------
 * Paths
 * ---------------------------------------------------------------------- */

/* Copies the last name of a path to `out`: `b` of `a/b` and of `a/b/`, nothing of `/`. */
int64_t rt_path_basename(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Copies a path without its last name to `out`: `a` of `a/b/`, `/` of `/a` and of `/`, nothing
 * of `a`. `rt_path_join` with the last name leads to the same file again. */
int64_t rt_path_dirname(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Copies the extension of the last name, without its dot, to `out`: `gz` of `a.tar.gz`, nothing
 * of `.profile`, `..` and `a.`. */
int64_t rt_path_ext(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Copies the last name without its extension to `out`: `a.tar` of `b/a.tar.gz`, `.profile` of
 * `.profile`. */
int64_t rt_path_stem(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Copies a path without `.`, `..` and separators too many to `out`: `b` of `a/../b//`, `.` of
 * nothing. It is taken literally: where `a` is a link, `a/..` may lead elsewhere, see
 * `rt_fs_canonical`. */
int64_t rt_path_normalise(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Copies a path as it is seen from the folder `base` to `out`: the other one if that is absolute.
 * Returns the full length; -1 for bad arguments.
 *
 * Safety:
 * `base` and `path` are null or valid for reads of their lengths, `out` null or valid for writes
 * of `cap` bytes. */
int64_t rt_path_join(const uint8_t *base, int64_t base_len, const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Whether a path does not depend on the working directory. False for a path that is not readable.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
bool rt_path_is_absolute(const uint8_t *path, int64_t len);

/* Copies the path, seen from the working directory and normalised, to `out`. Returns the full
 * length; -1 for an empty path, bad arguments, and if the working directory cannot be told.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`. */
int64_t rt_path_absolute(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* Copies the way from the folder `base` to a path to `out`: `../b` from `a` to `b`. Both are taken
 * literally and normalised. Returns the full length; -1 if only one is absolute, if the way would
 * have to lead down from a `..`, and for bad arguments.
 *
 * Safety:
 * `path` and `base` are null or valid for reads of their lengths, `out` null or valid for writes
 * of `cap` bytes. */
int64_t rt_path_relative(const uint8_t *path, int64_t len, const uint8_t *base, int64_t base_len, uint8_t *out, int64_t cap);

/* Copies a path with another extension to `out`; an empty one takes it away, and a dot before it
 * may be left out. Returns the full length; -1 for a path without a name (`/`, `..`), for an
 * extension with a separator, and for bad arguments.
 *
 * Safety:
 * `path` and `ext` are null or valid for reads of their lengths, `out` null or valid for writes of
 * `cap` bytes. */
int64_t rt_path_with_ext(const uint8_t *path, int64_t len, const uint8_t *ext, int64_t ext_len, uint8_t *out, int64_t cap);

/* Copies a path with another last name to `out`. Returns the full length; -1 for a path without a
 * name (`/`, `..`), for a new name that is none, and for bad arguments.
 *
 * Safety:
 * `path` and `name` are null or valid for reads of their lengths, `out` null or valid for writes
 * of `cap` bytes. */
int64_t rt_path_with_name(const uint8_t *path, int64_t len, const uint8_t *name, int64_t name_len, uint8_t *out, int64_t cap);

/* Whether a path lies in a folder, or is that folder: name by name, so `ab` is not in `a`. Both
 * are taken literally. False for bad arguments.
 *
 * Safety:
 * `path` and `folder` are null or valid for reads of their lengths. */
bool rt_path_starts_with(const uint8_t *path, int64_t len, const uint8_t *folder, int64_t folder_len);

/* Number of names in a path, `.` and `..` among them; -1 for a path that is not readable.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
int64_t rt_path_component_count(const uint8_t *path, int64_t len);

/* Copies one of the names in a path, counted from 0, to `out`. Returns the full length; -1 if
 * there is none, and for bad arguments.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`. */
int64_t rt_path_component(const uint8_t *path, int64_t len, int64_t index, uint8_t *out, int64_t cap);

/* Copies a path to `out`, with the user's home directory (see `rt_env_home`) for a `~` that is
 * its first name. Returns the full length; -1 for bad arguments, and if no home is set.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`. */
int64_t rt_path_expand_home(const uint8_t *path, int64_t len, uint8_t *out, int64_t cap);

/* The byte that separates names on this system. */
int64_t rt_path_separator(void);

/* ----------------------------------------------------------------------
 * Environment
 * ---------------------------------------------------------------------- */

/* Copies the value of an environment variable to `out` and returns its full length; -1 if it is
 * not set or the name cannot be one.
 *
 * Safety:
 * `name` must be null or point to `len` readable bytes, `out` to `cap` writable ones. */
int64_t rt_env_get(const uint8_t *name, int64_t len, uint8_t *out, int64_t cap);

/* Whether an environment variable is set (to anything, the empty string included).
 *
 * Safety:
 * `name` must be null or point to `len` readable bytes. */
bool rt_env_has(const uint8_t *name, int64_t len);

/* Sets an environment variable of this process. False if the name is empty or holds `=` or NUL,
 * the value holds NUL, or either is not UTF-8.
 *
 * Safety:
 * `name` and `value` must be null or point to as many readable bytes as given. No other thread
 * may read the environment outside this library meanwhile. */
bool rt_env_set(const uint8_t *name, int64_t name_len, const uint8_t *value, int64_t value_len);

/* Removes an environment variable. True if it was set before.
 *
 * Safety:
 * As for `rt_env_set`. */
bool rt_env_unset(const uint8_t *name, int64_t len);

/* Number of environment variables. */
int64_t rt_env_count(void);

/* Copies the whole environment to `out`, sorted, as `NAME=value` entries that each end in a NUL
 * byte. Returns the full length, or -1 for bad arguments.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable bytes. */
int64_t rt_env_list(uint8_t *out, int64_t cap);

/* Copies the working directory to `out` and returns its full length; -1 if it cannot be told.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable bytes. */
int64_t rt_env_cwd(uint8_t *out, int64_t cap);

/* Changes the working directory of the process. False if that is not possible.
 *
 * Safety:
 * `path` must be null or point to `len` readable bytes. */
bool rt_env_set_cwd(const uint8_t *path, int64_t len);

/* Copies the user's home directory to `out` and returns its full length; -1 if none is set.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable bytes. */
int64_t rt_env_home(uint8_t *out, int64_t cap);

/* Copies the directory for temporary files to `out` and returns its full length.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable bytes. */
int64_t rt_env_temp_dir(uint8_t *out, int64_t cap);

/* ----------------------------------------------------------------------
 * Processes
 * ---------------------------------------------------------------------- */

/* Runs a program with an array of strings as arguments (nil for none), waits for its end however
 * long that takes, and gives its exit code; 128 and the signal for one that was killed by it.
 *
 * The program shares the output of this process and has nothing to read. -1 with the error
 * recorded if it cannot be started or an argument is no string.
 *
 * Safety:
 * `program` must be null or point to `len` readable bytes. */
int64_t rt_process_run(const uint8_t *program, int64_t len, RuntimeValue arguments);

/* Starts a program as `rt_process_run` does and gives a handle at once, to be freed with
 * `rt_process_free`; -1 with the error recorded if that fails.
 *
 * Safety:
 * `program` must be null or point to `len` readable bytes. */
int64_t rt_process_spawn(const uint8_t *program, int64_t len, RuntimeValue arguments);

/* Waits for a process and gives its exit code, as often as asked; -2 if it still runs after the
 * time, -1 with the error recorded for a stale handle and a time not within 0 ..= 86,400,000 ms. */
int64_t rt_process_wait(int64_t process, int64_t timeout_ms);

/* Runs a program as `rt_process_run` does and gives a tuple of its exit code and what it wrote
 * to its two outputs, as strings (with U+FFFD for what is not UTF-8).
 *
 * Nil with the error recorded if it cannot be started, does not end within the time (0 ..=
 * 86,400,000 ms) or writes more than `limit` bytes (0 ..= 2^26) to an output; then it is killed.
 *
 * Safety:
 * `program` must be null or point to `len` readable bytes. */
RuntimeValue rt_process_output(const uint8_t *program, int64_t len, RuntimeValue arguments, int64_t timeout_ms, int64_t limit);

/* Kills a process and reaps it; false if it had ended already, and for a stale handle. */
bool rt_process_kill(int64_t process);

/* The system's number of a process; -1 for a stale handle. After the end of the process the
 * system may give the number to another one. */
int64_t rt_process_id(int64_t process);

/* Whether a process still runs; false for a stale handle. */
bool rt_process_is_running(int64_t process);

/* Frees a handle; a process that still runs is killed, and in any case it is reaped. False for a
 * handle that is stale already. */
bool rt_process_free(int64_t process);

/* ----------------------------------------------------------------------
 * Date and time: UTC, proleptic Gregorian calendar, no leap seconds
 * ---------------------------------------------------------------------- */

/* The present instant by the system's clock. */
int64_t rt_datetime_now(void);

/* The instant of a date and time. `i64::MIN` if there is no such date or time. */
int64_t rt_datetime_from_parts(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second, int64_t millisecond);

/* Writes year, month, day, hour, minute, second, millisecond, ISO weekday and day of the year to
 * `out`, as many as `cap` leaves room for. Returns 9, or -1 for bad arguments or `i64::MIN`.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable `i64`s. */
int64_t rt_datetime_parts(int64_t instant, int64_t *out, int64_t cap);

/* The year of an instant; `i64::MIN` if it is none. */
int64_t rt_datetime_year(int64_t instant);

/* The month, 1 to 12; `i64::MIN` if it is no instant. */
int64_t rt_datetime_month(int64_t instant);

/* The day of the month, from 1; `i64::MIN` if it is no instant. */
int64_t rt_datetime_day(int64_t instant);

/* The hour, 0 to 23; `i64::MIN` if it is no instant. */
int64_t rt_datetime_hour(int64_t instant);

/* The minute; `i64::MIN` if it is no instant. */
int64_t rt_datetime_minute(int64_t instant);

/* The second; `i64::MIN` if it is no instant. */
int64_t rt_datetime_second(int64_t instant);

/* The ISO weekday, Monday 1 to Sunday 7; `i64::MIN` if it is no instant. */
int64_t rt_datetime_weekday(int64_t instant);

/* The day of the year, from 1; `i64::MIN` if it is no instant. */
int64_t rt_datetime_yearday(int64_t instant);

/* Whether the year is a leap year of the (proleptic) Gregorian calendar. */
bool rt_datetime_is_leap_year(int64_t year);

/* Days in a month; 0 if there is no such month. */
int64_t rt_datetime_days_in_month(int64_t year, int64_t month);

/* Writes an instant by a pattern in the manner of `strftime` and returns the full length.
 *
 * Known are `%Y %m %d %H %M %S %L` (millisecond) `%j %u %s %a %A %b %B %F %T %z %%`. Returns -1
 * for any other, a lone `%` at the end, `i64::MIN` and bad arguments. `rt_datetime_parse` reads
 * the same patterns.
 *
 * Safety:
 * `pattern` must be null or point to `len` readable bytes, `out` to `cap` writable ones. */
int64_t rt_datetime_format(int64_t instant, const uint8_t *pattern, int64_t len, uint8_t *out, int64_t cap);

/* Reads a text by a pattern (see `rt_datetime_format`) to the last byte.
 *
 * What the pattern leaves out is taken from 1970-01-01T00:00:00Z. Returns `i64::MIN` if the text
 * does not fit, the date does not exist, or the arguments are bad.
 *
 * Safety:
 * `text` and `pattern` must be null or point to as many readable bytes as given. */
int64_t rt_datetime_parse(const uint8_t *text, int64_t text_len, const uint8_t *pattern, int64_t pattern_len);

/* Reads an ISO 8601 date, or date and time, with an optional fraction and zone (UTC if absent).
 * `i64::MIN` if the text is none.
 *
 * Safety:
 * `text` must be null or point to `len` readable bytes. */
int64_t rt_datetime_parse_iso(const uint8_t *text, int64_t len);

/* Writes an instant as `YYYY-MM-DDTHH:MM:SS.mmmZ` and returns the full length; -1 for `i64::MIN`
 * and bad arguments.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable bytes. */
int64_t rt_datetime_to_iso(int64_t instant, uint8_t *out, int64_t cap);

/* Adds `amount` units to an instant.
 *
 * Units: 0 millisecond, 1 second, 2 minute, 3 hour, 4 day, 5 week, 6 month, 7 year. Months and
 * years keep the day of the month, or take the last one there is (31 January plus a month is 28
 * or 29 February). `i64::MIN` for an unknown unit and if the result is out of range. */
int64_t rt_datetime_add(int64_t instant, int64_t amount, int64_t unit);

/* Whole units from `from` to `to`, towards zero; negative if `to` is the earlier.
 *
 * The units are those of `rt_datetime_add`. `i64::MIN` if either is no instant, the unit is
 * unknown, or the difference does not fit. */
int64_t rt_datetime_diff(int64_t from, int64_t to, int64_t unit);

/* ----------------------------------------------------------------------
 * Strings, continued
 * ---------------------------------------------------------------------- */

/* Any value as a new string, the way it is printed: strings as they are, but
 * quoted inside other values; at most 100,000 parts. */
RuntimeValue rt_value_to_string(RuntimeValue value);

/* A string in upper case, as a new one. */
RuntimeValue rt_string_to_upper(RuntimeValue string);

/* A string in lower case, as a new one. */
RuntimeValue rt_string_to_lower(RuntimeValue string);

/* A string without white space at both ends, as a new one. */
RuntimeValue rt_string_trim(RuntimeValue string);

/* A string `count` times in a row; nil for a negative count, a value that is
 * no string, and a result of more than 2^28 bytes. */
RuntimeValue rt_string_repeat(RuntimeValue string, int64_t count);

/* Whether a path fits a pattern: 1 or 0; -1, with the error recorded, for a pattern that is none
 * or too long (2^12 bytes), a text of more than 2^13 bytes, and bad arguments.
 *
 * In a pattern `*` stands for any number of characters within a name, `?` for one, `[a-z_]` for
 * one of these and `[!a-z]` for any other, `**` between slashes for any number of names (also
 * none), `{a,b}` for either, and a backslash takes a character literally. Nothing but `**` matches
 * a slash; a dot at the beginning is a character like any other. The time a match takes grows
 * with the product of both lengths, not faster.
 *
 * Safety:
 * `pattern` and `text` are null or valid for reads of their lengths. */
int64_t rt_glob_match(const uint8_t *pattern, int64_t pattern_len, const uint8_t *text, int64_t len);

/* Whether a pattern of `rt_glob_match` is one; false for an open bracket or brace, a backslash at
 * the end, a range in the wrong order, and what is too long or not readable.
 *
 * Safety:
 * `pattern` is null or valid for reads of `len` bytes. */
bool rt_glob_is_valid(const uint8_t *pattern, int64_t len);

/* Copies a pattern that only the text itself fits to `out`. Returns the full length; -1 for text
 * that is not readable and for a bad buffer.
 *
 * Safety:
 * `text` is null or valid for reads of `len` bytes, `out` null or valid for writes of `cap`. */
int64_t rt_glob_escape(const uint8_t *text, int64_t len, uint8_t *out, int64_t cap);

/* The paths below a folder, seen from there, that fit a pattern of `rt_glob_match`, sorted, as an
 * array of strings. Only folders where something can fit are entered, and links to folders only
 * where the pattern names them, not by `**`. A folder that cannot be read counts as empty.
 *
 * Nil, with the error recorded, if the first folder cannot be read, the pattern is none, or more
 * than 2^20 entries would have to be looked at.
 *
 * Safety:
 * `root` and `pattern` are null or valid for reads of their lengths. */
RuntimeValue rt_glob_list(const uint8_t *root, int64_t root_len, const uint8_t *pattern, int64_t pattern_len);

/* The lines of a file, or of all text files below a folder, that hold a text: an array of tuples
 * of the path seen from the folder (empty for a single file), the number of the line from 1, and
 * the line. At most `limit` of them, which is 1 to 2^20. Files below a folder that are not UTF-8
 * are passed over, links are not followed.
 *
 * Nil, with the error recorded, if the file or the folder cannot be read, the text is empty, the
 * limit is another number, and for bad arguments.
 *
 * Safety:
 * `path` and `text` are null or valid for reads of their lengths. */
RuntimeValue rt_search_text(const uint8_t *path, int64_t path_len, const uint8_t *text, int64_t len, int64_t limit);

/* Number of lines that `rt_search_text` would give without a limit; -1, with the error recorded,
 * for the same reasons.
 *
 * Safety:
 * `path` and `text` are null or valid for reads of their lengths. */
int64_t rt_search_count(const uint8_t *path, int64_t path_len, const uint8_t *text, int64_t len);

/* The paths below a folder, seen from there and sorted, of the files whose name holds a text, as
 * an array of strings. Nil, with the error recorded, if the folder cannot be read or has more than
 * 2^20 entries, and for bad arguments.
 *
 * Safety:
 * `root` and `part` are null or valid for reads of their lengths. */
RuntimeValue rt_search_names(const uint8_t *root, int64_t root_len, const uint8_t *part, int64_t len);

/* ----------------------------------------------------------------------
 * Parallel loops over arrays
 * ---------------------------------------------------------------------- */

/* A new array of what `function` makes of each item, in the order of the items. Items are worked
 * on at the same time by several threads, in any order; loops may be nested. The array is copied
 * first: what the function does to it changes nothing about the loop.
 *
 * Nil for a value that is no array, for a null function, and when more than 200 callbacks are
 * nested. An error that the function records stays on the thread that ran it. */
RuntimeValue rt_par_map(RuntimeValue array, RuntimeValue (*function)(RuntimeValue, RuntimeValue), RuntimeValue context);

/* A new array of the items for which `predicate` gives a value that is truthy (see
 * `rt_value_truthy`), in their order. As for `rt_par_map` otherwise. */
RuntimeValue rt_par_filter(RuntimeValue array, RuntimeValue (*predicate)(RuntimeValue, RuntimeValue), RuntimeValue context);

/* All items joined into one by `fold`, beginning with `initial`, which alone is the result for an
 * empty array.
 *
 * The fold has to be associative, since parts of the array are joined at the same time; it need
 * not be commutative, since their order is kept. The parts depend on the length alone. Nil for a
 * value that is no array, for a null fold, and when more than 200 callbacks are nested. */
RuntimeValue rt_par_reduce(RuntimeValue array, RuntimeValue initial, RuntimeValue (*fold)(RuntimeValue, RuntimeValue, RuntimeValue), RuntimeValue context);

/* Calls `action` with each item, several at the same time, and returns how many there were; -1
 * for a value that is no array, for a null action, and when more than 200 callbacks are nested. */
int64_t rt_par_for_each(RuntimeValue array, void (*action)(RuntimeValue, RuntimeValue), RuntimeValue context);

/* ----------------------------------------------------------------------
 * Network: TCP
 * ---------------------------------------------------------------------- */

/* Listens at an address and returns the handle of the listener; what was bound as port goes to
 * `port` unless that is null. -1 for a bad address, -2 if a name takes longer than 30 s to look up,
 * -5 if the address is not there or in use, -7 for any other error.
 *
 * Safety:
 * `address` is null or valid for reads of `len` bytes; `port` is null or valid for the write of a
 * number. */
int64_t native_tcp_bind(const uint8_t *address, int64_t len, int64_t *port);

/* Connects to an address and returns the handle of the connection. -1 for a bad address, -2 after
 * 30 s, -3 if nobody listens there, -5 if there is no such address, -7 for any other error.
 *
 * Safety:
 * `address` is null or valid for reads of `len` bytes. */
int64_t native_tcp_connect(const uint8_t *address, int64_t len);

/* As `native_tcp_connect`, but within 1 ..= 3,600,000 ms; -1 for any other time. Looking up a name
 * is a part of that time.
 *
 * Safety:
 * `address` is null or valid for reads of `len` bytes. */
int64_t native_tcp_connect_timeout(const uint8_t *address, int64_t len, int64_t timeout_ms);

/* Waits for a connection and returns its handle. The address of the other side goes to `peer` and
 * its full length to `peer_len`, unless they are null. -1 for a bad handle or buffer, -2 after the
 * read timeout of the listener, -4 if it is closed meanwhile, -7 for any other error.
 *
 * Safety:
 * `peer` is null (with `cap` 0) or valid for writes of `cap` bytes; `peer_len` is null or valid for
 * the write of a number. */
int64_t native_tcp_accept(int64_t listener, uint8_t *peer, int64_t cap, int64_t *peer_len);

/* Reads what has arrived, at most `cap` bytes and at most 65,536, and returns how many; 0 at the
 * end, and for `cap` 0. Waits if there is nothing yet. -1 for a bad handle or buffer, -2 after the
 * read timeout, -4 if the connection broke or was closed, -7 for any other error.
 *
 * Safety:
 * `out` is null (with `cap` 0) or valid for writes of `cap` bytes. */
int64_t native_tcp_read(int64_t handle, uint8_t *out, int64_t cap);

/* As `native_tcp_read`, but what is read is read again the next time.
 *
 * Safety:
 * As for `native_tcp_read`. */
int64_t native_tcp_peek(int64_t handle, uint8_t *out, int64_t cap);

/* Sends bytes, waiting for room, and returns how many the system took: all of them, or fewer if the
 * write timeout ends before. -1 for a bad handle or buffer; if not even the first byte could be
 * sent, -2 after the timeout, -4 if the connection is closed, -7 for any other error.
 *
 * Safety:
 * `data` is null or valid for reads of `len` bytes. */
int64_t native_tcp_write(int64_t handle, const uint8_t *data, int64_t len);

/* Sends at once what the system still holds back to fill a packet, see `native_tcp_set_nodelay`.
 * Returns 0; -1 for a bad handle, and the error of the connection, such as -4, if it has one. */
int64_t native_tcp_flush(int64_t handle);

/* Ends a direction of a connection: reading (0), writing (1, which the other side sees as the end)
 * or both (2). Returns 0; -1 for a bad handle or direction, -4 if the connection is gone, -7 for
 * any other error. */
int64_t native_tcp_shutdown(int64_t handle, int64_t direction);

/* Closes a connection or a listener; whoever waits at it gets -4 or, of a connection, the end.
 * Returns 0, and -1 for a bad handle, also if it is closed already. */
int64_t native_tcp_close(int64_t handle);

/* Whether small packets are sent at once (true) or collected for a moment (false, as it is at
 * first). Returns 0; -1 for a bad handle, -7 for an error of the system. */
int64_t native_tcp_set_nodelay(int64_t handle, bool nodelay);

/* What was set by `native_tcp_set_nodelay`: 1 or 0; -1 for a bad handle, -7 for an error of the
 * system. */
int64_t native_tcp_get_nodelay(int64_t handle);

/* Has the system ask a silent other side whether it is still there (true) or not (false, as it is
 * at first), for the first time after `idle_seconds` (1 ..= 32,767; 0 for the system's own choice).
 * Returns 0; -1 for a bad handle or time, -6 if the system cannot, -7 for any other error. */
int64_t native_tcp_set_keepalive(int64_t handle, bool keepalive, int64_t idle_seconds);

/* Sets how many connections may wait to be accepted (1 ..= 65,535); the system may allow fewer.
 * Returns 0; -1 for a bad handle or number, -6 if the system cannot, -7 for any other error. */
int64_t native_tcp_set_backlog(int64_t handle, int64_t backlog);

/* Sets how long reading, peeking and accepting wait. */
int64_t native_tcp_set_read_timeout(int64_t handle, int64_t timeout_ms);

/* Sets how long writing waits. */
int64_t native_tcp_set_write_timeout(int64_t handle, int64_t timeout_ms);

/* ----------------------------------------------------------------------
 * Network: UDP
 * ---------------------------------------------------------------------- */

/* Makes a socket at an address and returns its handle; what was bound as port goes to `port` unless
 * that is null. Errors as for `native_tcp_bind`.
 *
 * Safety:
 * `address` is null or valid for reads of `len` bytes; `port` is null or valid for the write of a
 * number. */
int64_t native_udp_bind(const uint8_t *address, int64_t len, int64_t *port);

/* Sets the other side: from then on datagrams come from there alone, and `native_udp_send` sends
 * there. Returns 0; -1 for a bad handle or address, -2 if a name takes longer than 30 s to look up,
 * -5 if there is no such address, -7 for any other error.
 *
 * Safety:
 * `address` is null or valid for reads of `len` bytes. */
int64_t native_udp_connect(int64_t handle, const uint8_t *address, int64_t len);

/* Closes a socket; whoever waits at it gets -4. Returns 0, and -1 for a bad handle, also if it is
 * closed already. */
int64_t native_udp_close(int64_t handle);

/* Sends a datagram to the other side that was set by `native_udp_connect`, and returns its
 * length. -1 for a bad handle or buffer, -2 after the write timeout, -3 if an earlier one was
 * refused there, -4 without another side, -9 for more than 65,507 bytes, -7 for any other error.
 *
 * Safety:
 * `data` is null or valid for reads of `len` bytes. */
int64_t native_udp_send(int64_t handle, const uint8_t *data, int64_t len);

/* Sends a datagram to an address, and returns its length. Errors as for `native_udp_send`; also
 * -5 if there is no such address, and -2 if a name takes longer than the write timeout to look up.
 *
 * Safety:
 * `data` and `address` are null or valid for reads of as many bytes as given. */
int64_t native_udp_send_to(int64_t handle, const uint8_t *data, int64_t len, const uint8_t *address, int64_t address_len);

/* Waits for a datagram, copies it to `out` and returns its full length; what has no room there is
 * lost. -1 for a bad handle or buffer, -2 after the read timeout, -3 if an earlier datagram was
 * refused by the other side, -4 without another side (see `native_udp_connect`) and if the socket
 * is closed meanwhile, -7 for any other error.
 *
 * Safety:
 * `out` is null (with `cap` 0) or valid for writes of `cap` bytes. */
int64_t native_udp_recv(int64_t handle, uint8_t *out, int64_t cap);

/* As `native_udp_recv`, but the datagram stays, and is received again the next time; with a null
 * pointer and 0 it tells the length.
 *
 * Safety:
 * As for `native_udp_recv`. */
int64_t native_udp_peek(int64_t handle, uint8_t *out, int64_t cap);

/* Waits for a datagram from anywhere, copies it to `out` and returns its full length; what has no
 * room there is lost. The address of the sender goes to `from` and its full length to `from_len`,
 * unless they are null. Errors as for `native_udp_recv`, but no other side is needed.
 *
 * Safety:
 * `out` and `from` are null (with 0 as room) or valid for writes of as many bytes as given;
 * `from_len` is null or valid for the write of a number. */
int64_t native_udp_recv_from(int64_t handle, uint8_t *out, int64_t cap, uint8_t *from, int64_t from_cap, int64_t *from_len);

/* As `native_udp_recv_from`, but the datagram stays, and is received again the next time.
 *
 * Safety:
 * As for `native_udp_recv_from`. */
int64_t native_udp_peek_from(int64_t handle, uint8_t *out, int64_t cap, uint8_t *from, int64_t from_cap, int64_t *from_len);

/* Copies the address of the other side (see `native_udp_connect`) to `out` and returns its full
 * length; -1 for a bad handle or buffer, -4 if there is none.
 *
 * Safety:
 * `out` is null (with `cap` 0) or valid for writes of `cap` bytes. */
int64_t native_udp_peer_addr(int64_t handle, uint8_t *out, int64_t cap);

/* Allows datagrams to a broadcast address (not allowed at first). Returns 0; -1 for a bad handle,
 * -7 for an error of the system. */
int64_t native_udp_set_broadcast(int64_t handle, bool broadcast);

/* What was set by `native_udp_set_broadcast`: 1 or 0; -1 for a bad handle, -7 for an error of the
 * system. */
int64_t native_udp_get_broadcast(int64_t handle);

/* Sets how many hops (1 ..= 255) a datagram of IPv4 may take. Returns 0; -1 for a bad handle or
 * number, -7 for an error of the system. */
int64_t native_udp_set_ttl(int64_t handle, int64_t ttl);

/* How many hops a datagram of IPv4 may take; -1 for a bad handle, -7 for an error of the system. */
int64_t native_udp_get_ttl(int64_t handle);

/* Sets how many hops (0 ..= 255; 1 at first) a datagram to a group may take. Returns 0; -1 for a
 * bad handle or number, -6 for a socket of IPv6, -7 for an error of the system. */
int64_t native_udp_set_multicast_ttl(int64_t handle, int64_t ttl);

/* Whether this machine also receives what the socket sends to a group (it does at first). Returns
 * 0; -1 for a bad handle, -7 for an error of the system. */
int64_t native_udp_set_multicast_loop(int64_t handle, bool looped);

/* Joins a group: its address such as `224.0.0.251`, and the address of the local interface to listen
 * on, empty for the system's choice. Returns 0; -1 for a bad handle or text, -5 if the group was
 * joined already, -5 or -7 (as the system sees it) without such an interface, -7 for any other error.
 *
 * Safety:
 * `group` and `local` are null or valid for reads of as many bytes as given. */
int64_t native_udp_join_multicast_v4(int64_t handle, const uint8_t *group, int64_t group_len, const uint8_t *local, int64_t local_len);

/* Leaves a group that was joined by `native_udp_join_multicast_v4` with the same texts. Returns
 * 0; -1 for a bad handle or text, -5 if it was not joined, -7 for any other error.
 *
 * Safety:
 * As for `native_udp_join_multicast_v4`. */
int64_t native_udp_leave_multicast_v4(int64_t handle, const uint8_t *group, int64_t group_len, const uint8_t *local, int64_t local_len);

/* Joins a group: its address such as `ff02::fb`, and the number of the interface to listen on, 0
 * for the system's choice. Returns 0; -1 for a bad handle, text or number, -5 if the group was
 * joined already, -7 for any other error, also if there is no such interface.
 *
 * Safety:
 * `group` is null or valid for reads of `group_len` bytes. */
int64_t native_udp_join_multicast_v6(int64_t handle, const uint8_t *group, int64_t group_len, int64_t index);

/* Leaves a group that was joined by `native_udp_join_multicast_v6` with the same interface.
 * Returns 0; -1 for a bad handle, text or number, -5 if it was not joined, -7 for any other error.
 *
 * Safety:
 * As for `native_udp_join_multicast_v6`. */
int64_t native_udp_leave_multicast_v6(int64_t handle, const uint8_t *group, int64_t group_len, int64_t index);

/* Sets how long receiving and peeking wait. */
int64_t native_udp_set_read_timeout(int64_t handle, int64_t timeout_ms);

/* Sets how long sending waits. */
int64_t native_udp_set_write_timeout(int64_t handle, int64_t timeout_ms);

/* ----------------------------------------------------------------------
 * Network: HTTP/1.1
 * ---------------------------------------------------------------------- */

/* Sends a request by HTTP/1.1 and waits for the response, all of it within `timeout_ms`
 * (1 ..= 3,600,000).
 *
 * The URL begins with `http://`. The headers are lines `Name: value`; the client itself sets the
 * length of the body, and asks for the connection to be closed, so that `Connection`,
 * `Content-Length`, `Expect`, `TE`, `Transfer-Encoding` and `Upgrade` cannot be set.
 *
 * Returns a tuple of three: the status, a dict of the headers (names in lower case; the values of
 * several with one name joined by `, `, those of `Set-Cookie` by a line end), and the body, a string
 * if it is UTF-8 and an array of its bytes otherwise. A redirection is a response as any other.
 *
 * An error gives an int and is recorded: -1 for bad arguments, -2 when the time is up, -3 if nobody
 * listens there, -4 if the connection breaks, -5 if there is no such address, -6 for another scheme
 * or an unknown transfer coding, -7 for another error of the system, -8 for a response that does not
 * keep to HTTP or ends early, -9 for more than 64 KiB of headers or 16 MiB of body in the response,
 * or 8 KiB of URL or 64 KiB of headers in the request. Nil if there is no memory for the response.
 *
 * Safety:
 * `method`, `url`, `headers` and `body` are null or valid for reads of as many bytes as given. */
RuntimeValue native_http_send(const uint8_t *method, int64_t method_len, const uint8_t *url, int64_t url_len, const uint8_t *headers, int64_t headers_len, const uint8_t *body, int64_t body_len, int64_t timeout_ms);

/* ----------------------------------------------------------------------
 * Concurrent: arena
 * ---------------------------------------------------------------------- */

/* Makes an arena that takes memory from the system in chunks of `chunk_size` bytes (at least 64).
 * Returns 0 if the size is not positive or above 1 GiB. */
int64_t rt_arena_new(int64_t chunk_size);

/* Hands out `size` zeroed bytes aligned to `align` (a power of two up to 4096).
 *
 * The memory lives until the arena is reset or freed. Null for a bad handle, a size that is not
 * positive or is above 1 GiB, a bad alignment, or when there is no memory. */
uint8_t *rt_arena_alloc(int64_t handle, int64_t size, int64_t align);

/* Bytes handed out since the arena was made or reset; -1 for a bad handle. */
int64_t rt_arena_used(int64_t handle);

/* Bytes the arena holds from the system; -1 for a bad handle. */
int64_t rt_arena_capacity(int64_t handle);

/* Takes back everything the arena handed out; pointers into it are dead. False for a bad handle. */
bool rt_arena_reset(int64_t handle);

/* Frees an arena and all memory it handed out. False if it is not (or no longer) one. */
bool rt_arena_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Futures
 * ---------------------------------------------------------------------- */

/* Makes a future that will run `function` with `argument`: not now, but when it is awaited or the
 * executor gets to it. With a null function it is a promise, for `rt_future_resolve`. Returns -1
 * if there are too many futures. */
int64_t rt_future_new(RuntimeValue (*function)(RuntimeValue), RuntimeValue argument);

/* The value of a future. Runs its function on this thread, if nobody has begun to; otherwise waits
 * up to `timeout_ms` for it (negative: as long as it takes, which is for ever for a promise that
 * nobody resolves or frees). The time does not end a function.
 *
 * Nil, with the error recorded, when the time is up (`index`; it can be awaited again), for a bad
 * handle, for a promise that was freed, for a future that waits for itself (over other threads
 * too), and when more than 200 callbacks are nested on this thread. */
RuntimeValue rt_future_await(int64_t handle, int64_t timeout_ms);

/* Whether the value of a future is there, so that `rt_future_await` neither runs a function nor
 * waits. Starts nothing. False for a bad handle. */
bool rt_future_is_ready(int64_t handle);

/* Gives a promise its value, or a lazy future, whose function is then never run. False if the
 * future is ready or its function is running, and for a bad handle. */
bool rt_future_resolve(int64_t handle, RuntimeValue value);

/* Makes a future of all futures whose handles (as integers) stand in an array: its value is an
 * array of their values, in their order. It is lazy too: awaiting it runs them one after the
 * other, and waits for those that others run. It keeps them: their handles may be freed.
 *
 * Returns 0, with the error recorded, if the value is no array, holds anything else than handles
 * of futures, if more than 64 futures are made of one another, or if there are more than 1,048,576
 * parts in all. */
int64_t rt_future_all(RuntimeValue futures);

/* Makes a future of which the value is that of the first of several to be ready; their handles (as
 * integers) stand in an array. It is lazy too. When it is awaited,
 *
 * * the first in the array that is ready wins, otherwise
 * * all are submitted to the executor if that has workers (see `rt_executor_start`), and the
 * fastest wins, otherwise
 * * they are run on this thread one after the other, until one is ready.
 *
 * The others stay as they are. One that failed wins only if all did. Returns 0 for an empty array,
 * and as `rt_future_all` does. */
int64_t rt_future_race(RuntimeValue futures);

/* Frees the handle of a future. Who waits for it, the executor, and futures made of it go on as
 * before, except that a promise fails, since nobody can resolve it any more. False if it is not
 * (or no longer) one. */
bool rt_future_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Executor
 * ---------------------------------------------------------------------- */

/* Sets how submitted futures are run: 0 by workers (see `rt_executor_start`), which is so from
 * the beginning, or 1 by hand (see `rt_executor_poll`). False for another number and while
 * workers run. */
bool rt_executor_set_mode(int64_t mode);

/* How submitted futures are run: 0 by workers, 1 by hand. */
int64_t rt_executor_get_mode(void);

/* Whether submitted futures are run by hand. */
bool rt_executor_is_manual(void);

/* Sets how many workers the next `rt_executor_start` starts, from 1 to 64; without it there is
 * one for each processor. False for another number and while workers run. */
bool rt_executor_set_workers(int64_t count);

/* Starts the workers, which begin with what was submitted before. In manual mode there is nothing
 * to start, which is no error. False if workers run already or no thread can be made. */
bool rt_executor_start(void);

/* Hands a future to the executor, which will run it. False, with the error recorded, for a bad
 * handle, and for a future that was submitted already, is running or ready, or is a promise. */
bool rt_executor_submit(int64_t future);

/* Runs one submitted future on this thread, in manual mode: 1 if it is ready now, 0 if it has to
 * wait for another one (it is then put aside until that one changes), -1 if there is none to run,
 * in threaded mode, and when 200 callbacks are nested. */
int64_t rt_executor_poll(void);

/* Runs submitted futures on this thread, in manual mode, those that are submitted meanwhile
 * included, until there is none that can go on. How many are ready now that were not; -1 in
 * threaded mode. */
int64_t rt_executor_poll_all(void);

/* Number of futures that were submitted and are not ready: those in the queue, those that wait for
 * another one, and those that are being run. */
int64_t rt_executor_pending_count(void);

/* Stops the workers and forgets what was submitted and is not being run: those futures are lazy
 * again, and so are those that a worker runs and has to put aside. Then waits up to `timeout_ms`
 * for the workers to finish what they run (negative: as long as it takes, for ever if that does
 * not end). Whether none runs any more; false at once on a worker. The executor can be started
 * again. */
bool rt_executor_shutdown(int64_t timeout_ms);

/* ----------------------------------------------------------------------
 * Concurrent: map
 * ---------------------------------------------------------------------- */

/* Makes an empty map that may be used from several threads at once. */
int64_t rt_map_new(void);

/* Puts `value` at `key` and returns what stood there (nil if nothing did).
 *
 * Nothing is done, and nil returned, for a bad handle and for the key NaN. */
RuntimeValue rt_map_insert(int64_t handle, RuntimeValue key, RuntimeValue value);

/* The value at `key`; nil if there is none, and for a bad handle. */
RuntimeValue rt_map_get(int64_t handle, RuntimeValue key);

/* Whether there is a value (nil counts) at `key`. False for a bad handle. */
bool rt_map_contains(int64_t handle, RuntimeValue key);

/* Takes the value at `key` out and returns it; nil if there is none, and for a bad handle. */
RuntimeValue rt_map_remove(int64_t handle, RuntimeValue key);

/* Number of entries; -1 for a bad handle. */
int64_t rt_map_len(int64_t handle);

/* Frees a map. The values in it are left alone. False if it is not (or no longer) one. */
bool rt_map_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Concurrent: queue
 * ---------------------------------------------------------------------- */

/* Makes a queue for at most `capacity` values; 0 for one without limit. Returns 0 if `capacity`
 * is negative. */
int64_t rt_queue_new(int64_t capacity);

/* Appends a value. False if the queue is full or closed, or the handle is bad. */
bool rt_queue_push(int64_t handle, RuntimeValue value);

/* Takes the oldest value out; nil if there is none. Never waits. */
RuntimeValue rt_queue_pop(int64_t handle);

/* Takes the oldest value out, waiting up to `timeout_ms` for one (negative: as long as it takes,
 * which is for ever if nobody pushes one, closes the queue or frees it).
 *
 * Nil after the time is up, when the queue is closed (or freed) and empty, and for a bad handle. */
RuntimeValue rt_queue_pop_wait(int64_t handle, int64_t timeout_ms);

/* Number of values in the queue; -1 for a bad handle. */
int64_t rt_queue_len(int64_t handle);

/* Ends the input: nothing can be pushed any more, and waiters wake up. What is in the queue can
 * still be popped. False for a bad handle. */
bool rt_queue_close(int64_t handle);

/* Closes and frees a queue. False if it is not (or no longer) one. */
bool rt_queue_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Channels
 * ---------------------------------------------------------------------- */

/* Makes a channel from any number of senders to one receiver, for at most `capacity` messages; 0
 * for one without limit. Returns 0 if `capacity` is negative. See `rt_queue_new` for what has
 * several receivers. */
int64_t rt_channel_new(int64_t capacity);

/* Sends a message, waiting up to `timeout_ms` for room in a full channel (negative: as long as it
 * takes, which is for ever if nobody receives, closes the channel or frees it). Messages of one
 * sender arrive in their order. False, with the error recorded, if the channel is closed (`io`) or
 * stays full (`index`), or the handle is bad (`argument`). */
bool rt_channel_send(int64_t handle, RuntimeValue message, int64_t timeout_ms);

/* The oldest message, waiting up to `timeout_ms` for one (negative: as long as it takes, which is
 * for ever if nobody sends one, closes the channel or frees it; 0: not at all).
 *
 * Nil is either a message or, with an error recorded, none: `index` when the time is up, `io`
 * when the channel is closed and empty (what was sent before it closed is still received), and
 * `argument` for a bad handle or while another thread is receiving. */
RuntimeValue rt_channel_recv(int64_t handle, int64_t timeout_ms);

/* Number of messages that were sent and not received; -1 for a bad handle. */
int64_t rt_channel_len(int64_t handle);

/* Ends the sending: senders and a receiver that wait wake up. What is in the channel can still be
 * received. False for a bad handle. */
bool rt_channel_close(int64_t handle);

/* Closes and frees a channel with what is in it. False if it is not (or no longer) one. */
bool rt_channel_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Atomics
 * ---------------------------------------------------------------------- */

/* Makes an atomic integer with a first value. */
int64_t rt_atomic_new(int64_t value);

/* The present value; 0 for a bad handle. */
int64_t rt_atomic_load(int64_t handle);

/* Sets the value. False for a bad handle. */
bool rt_atomic_store(int64_t handle, int64_t value);

/* Sets the value if it is `expected`. True if it was; false also for a bad handle. */
bool rt_atomic_compare_exchange(int64_t handle, int64_t expected, int64_t value);

/* Sets the value and returns the one before; 0 for a bad handle. */
int64_t rt_atomic_exchange(int64_t handle, int64_t operand);

/* Adds, wrapping, and returns the value before; 0 for a bad handle. */
int64_t rt_atomic_fetch_add(int64_t handle, int64_t operand);

/* Subtracts, wrapping, and returns the value before; 0 for a bad handle. */
int64_t rt_atomic_fetch_sub(int64_t handle, int64_t operand);

/* Bitwise and; returns the value before, 0 for a bad handle. */
int64_t rt_atomic_fetch_and(int64_t handle, int64_t operand);

/* Bitwise or; returns the value before, 0 for a bad handle. */
int64_t rt_atomic_fetch_or(int64_t handle, int64_t operand);

/* Frees an atomic integer. False if it is not (or no longer) one. */
bool rt_atomic_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Atomics of GPU kernels
 * ---------------------------------------------------------------------- */

/* Adds to a cell, wrapping. */
int32_t rt_gpu_atomic_add(int32_t *cell, int32_t operand);

/* Subtracts from a cell, wrapping. */
int32_t rt_gpu_atomic_sub(int32_t *cell, int32_t operand);

/* Bitwise and with a cell. */
int32_t rt_gpu_atomic_and(int32_t *cell, int32_t operand);

/* Bitwise or with a cell. */
int32_t rt_gpu_atomic_or(int32_t *cell, int32_t operand);

/* Bitwise exclusive or with a cell. */
int32_t rt_gpu_atomic_xor(int32_t *cell, int32_t operand);

/* Keeps the smaller number in a cell. */
int32_t rt_gpu_atomic_min(int32_t *cell, int32_t operand);

/* Keeps the larger number in a cell. */
int32_t rt_gpu_atomic_max(int32_t *cell, int32_t operand);

/* Puts another number into a cell. */
int32_t rt_gpu_atomic_exchange(int32_t *cell, int32_t operand);

/* Adds to a 64-bit cell, wrapping. */
int64_t rt_gpu_atomic_add_i64(int64_t *cell, int64_t operand);

/* Subtracts from a 64-bit cell, wrapping. */
int64_t rt_gpu_atomic_sub_i64(int64_t *cell, int64_t operand);

/* Bitwise and with a 64-bit cell. */
int64_t rt_gpu_atomic_and_i64(int64_t *cell, int64_t operand);

/* Bitwise or with a 64-bit cell. */
int64_t rt_gpu_atomic_or_i64(int64_t *cell, int64_t operand);

/* Bitwise exclusive or with a 64-bit cell. */
int64_t rt_gpu_atomic_xor_i64(int64_t *cell, int64_t operand);

/* Keeps the smaller number in a 64-bit cell. */
int64_t rt_gpu_atomic_min_i64(int64_t *cell, int64_t operand);

/* Keeps the larger number in a 64-bit cell. */
int64_t rt_gpu_atomic_max_i64(int64_t *cell, int64_t operand);

/* Puts another number into a 64-bit cell. */
int64_t rt_gpu_atomic_xchg_i64(int64_t *cell, int64_t operand);

/* Adds to an unsigned cell, wrapping. */
uint32_t rt_gpu_atomic_add_u32(uint32_t *cell, uint32_t operand);

/* Subtracts from an unsigned cell, wrapping. */
uint32_t rt_gpu_atomic_sub_u32(uint32_t *cell, uint32_t operand);

/* Bitwise and with an unsigned cell. */
uint32_t rt_gpu_atomic_and_u32(uint32_t *cell, uint32_t operand);

/* Bitwise or with an unsigned cell. */
uint32_t rt_gpu_atomic_or_u32(uint32_t *cell, uint32_t operand);

/* Bitwise exclusive or with an unsigned cell. */
uint32_t rt_gpu_atomic_xor_u32(uint32_t *cell, uint32_t operand);

/* Keeps the smaller number, compared as unsigned ones, in a cell. */
uint32_t rt_gpu_atomic_min_u32(uint32_t *cell, uint32_t operand);

/* Keeps the larger number, compared as unsigned ones, in a cell. */
uint32_t rt_gpu_atomic_max_u32(uint32_t *cell, uint32_t operand);

/* Puts another number into an unsigned cell. */
uint32_t rt_gpu_atomic_xchg_u32(uint32_t *cell, uint32_t operand);

/* Puts `value` into a cell if `expected` is there. */
int32_t rt_gpu_atomic_cmpxchg(int32_t *cell, int32_t expected, int32_t value);

/* Puts `value` into a 64-bit cell if `expected` is there. */
int64_t rt_gpu_atomic_cmpxchg_i64(int64_t *cell, int64_t expected, int64_t value);

/* Puts `value` into an unsigned cell if `expected` is there. */
uint32_t rt_gpu_atomic_cmpxchg_u32(uint32_t *cell, uint32_t expected, uint32_t value);

/* ----------------------------------------------------------------------
 * Synchronization
 * ---------------------------------------------------------------------- */

/* Makes a barrier for `parties` threads (1 to 1,048,576); 0 for any other number. */
int64_t rt_barrier_new(int64_t parties);

/* Waits until all threads are here, for ever if one does not come. Returns 1 to the last to come, 0
 * to the others, and -1 for a bad handle or when the barrier is freed meanwhile. */
int64_t rt_barrier_wait(int64_t handle);

/* Number of threads that wait at the barrier now; -1 for a bad handle. */
int64_t rt_barrier_waiting(int64_t handle);

/* Frees a barrier; threads that wait at it get -1. False if it is not (or no longer) one. */
bool rt_barrier_free(int64_t handle);

/* Makes an unlocked mutex around `value`. */
int64_t rt_mutex_new(RuntimeValue value);

/* Takes the mutex, waiting for it, and returns the value in it.
 *
 * Nil, without the mutex, if this thread has it already, the mutex is freed, or the handle is
 * bad; `rt_mutex_is_locked` and `rt_mutex_unlock` tell whether it is held. */
RuntimeValue rt_mutex_lock(int64_t handle);

/* Takes the mutex if nobody has it. True if this thread has got it now. */
bool rt_mutex_try_lock(int64_t handle);

/* Puts a new value in and releases the mutex. False, and nothing is done, if this thread does not
 * hold it or the handle is bad. */
bool rt_mutex_unlock(int64_t handle, RuntimeValue value);

/* Whether any thread holds the mutex. */
bool rt_mutex_is_locked(int64_t handle);

/* Frees a mutex; threads that wait for it get nil. False if it is not (or no longer) one. */
bool rt_mutex_free(int64_t handle);

/* Makes a free readers-writer lock. */
int64_t rt_rwlock_new(void);

/* Takes the lock for reading, waiting for it. A reader may take it again. False if this thread
 * has it for writing, the lock is freed, or the handle is bad. */
bool rt_rwlock_read(int64_t handle);

/* Takes the lock for reading if that is possible at once. */
bool rt_rwlock_try_read(int64_t handle);

/* Takes the lock for writing, waiting for it. False if this thread has it already (for reading or
 * writing), the lock is freed, or the handle is bad. */
bool rt_rwlock_write(int64_t handle);

/* Takes the lock for writing if that is possible at once. */
bool rt_rwlock_try_write(int64_t handle);

/* Releases what this thread holds: the lock for writing, or one hold for reading. False if it
 * holds nothing or the handle is bad. */
bool rt_rwlock_unlock(int64_t handle);

/* Frees a readers-writer lock; threads that wait for it get false. False if it is not (or no
 * longer) one. */
bool rt_rwlock_free(int64_t handle);

/* Makes a counting semaphore with `permits` to begin with; 0 if that is negative. */
int64_t rt_semaphore_new(int64_t permits);

/* Takes a permit, waiting for one, for ever if none is released. False if the semaphore is freed or
 * the handle is bad. */
bool rt_semaphore_acquire(int64_t handle);

/* Takes a permit if there is one. */
bool rt_semaphore_try_acquire(int64_t handle);

/* Takes a permit, waiting up to `timeout_ms` for one (negative: as long as it takes, which is for
 * ever if nobody releases one or frees the semaphore). False when the time is up, the semaphore is
 * freed, or the handle is bad. */
bool rt_semaphore_acquire_timeout(int64_t handle, int64_t timeout_ms);

/* Gives `count` permits. False if the count is not positive, there would be more than `i64::MAX`,
 * or the handle is bad. */
bool rt_semaphore_release(int64_t handle, int64_t count);

/* Number of permits there are now; -1 for a bad handle. */
int64_t rt_semaphore_available(int64_t handle);

/* Frees a semaphore; threads that wait for a permit get false. False if it is not (or no longer)
 * one. */
bool rt_semaphore_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Threads
 * ---------------------------------------------------------------------- */

/* Runs `function` on a new thread. The thread is isolated: it gets a deep copy of `argument`, so
 * that neither side sees what the other does to its own (addresses of `rt_ptr_to_value` are the
 * same on both). The copies belong to the new thread. Returns 0 for a null function, and if no
 * thread can be made or there is no room for the copy. */
int64_t rt_thread_spawn_isolated(RuntimeValue (*function)(RuntimeValue), RuntimeValue argument);

/* As `rt_thread_spawn_isolated` with two arguments; what they share, their copies share. */
int64_t rt_thread_spawn_isolated2(RuntimeValue (*function)(RuntimeValue, RuntimeValue), RuntimeValue first, RuntimeValue second);

/* What the function of a thread returned, waiting up to `timeout_ms` for its end (negative: as
 * long as it takes, for ever if it does not end). May be asked again until `rt_thread_free`.
 *
 * Nil, with the error recorded, when the time is up (`index`), for a bad handle, and for a thread
 * that would wait for itself. */
RuntimeValue rt_thread_join(int64_t handle, int64_t timeout_ms);

/* Whether the function of the thread has returned; false for a bad handle. */
bool rt_thread_is_done(int64_t handle);

/* The number of a thread, which no other thread or actor of this process ever has, counted from
 * 1; -1 for a bad handle. */
int64_t rt_thread_id(int64_t handle);

/* Frees what is kept of a thread. One that still runs goes on to its end, and who waits for it
 * gets the result. False if it is not (or no longer) one. */
bool rt_thread_free(int64_t handle);

/* Number of threads that can run at the same time, at least 1. */
int64_t rt_thread_available_parallelism(void);

/* Stops this thread for so many microseconds, or a little longer. False, at once, if that is
 * negative or more than 3,600,000,000 (an hour). */
bool rt_thread_sleep(int64_t micros);

/* Lets other threads run first if any wants to. */
void rt_thread_yield(void);

/* ----------------------------------------------------------------------
 * PyTorch: operations
 * ---------------------------------------------------------------------- */

/* Whether the tensor engine is in this build. */
bool rt_torch_available(void);

/* Makes a tensor full of one value. dtype 0 is f32, 1 is f64, 2 is i64 (see
 * `rt_torch_tensor_cast` for what becomes of the value).
 *
 * 0 for a bad dtype, a null or negative shape, more than 8 dimensions or 2^24 elements.
 *
 * Safety:
 * `shape` must be null or point to `ndim` readable `i64`s. */
int64_t rt_torch_tensor_full(const int64_t *shape, int64_t ndim, double value, int64_t dtype);

/* Makes a tensor of zeros; see `rt_torch_tensor_full`.
 *
 * Safety:
 * `shape` must be null or point to `ndim` readable `i64`s. */
int64_t rt_torch_tensor_zeros(const int64_t *shape, int64_t ndim, int64_t dtype);

/* Makes a tensor of ones; see `rt_torch_tensor_full`.
 *
 * Safety:
 * `shape` must be null or point to `ndim` readable `i64`s. */
int64_t rt_torch_tensor_ones(const int64_t *shape, int64_t ndim, int64_t dtype);

/* Makes a tensor of `count` numbers in row-major order; 0 unless they fill the shape exactly.
 *
 * Safety:
 * `data` must be null or point to `count` readable `f64`s, `shape` to `ndim` readable `i64`s. */
int64_t rt_torch_tensor_from_data(const double *data, int64_t count, const int64_t *shape, int64_t ndim, int64_t dtype);

/* A tensor of its own with the same elements, but without history: no gradient flows back. 0 for a
 * bad handle. */
int64_t rt_torch_tensor_clone(int64_t tensor);

/* Frees a tensor; results that were made of it keep what they need. False if it is not (or no
 * longer) one. */
bool rt_torch_tensor_free(int64_t tensor);

/* Writes the extents to `out`, as many as `cap` leaves room for, and returns the number of
 * dimensions; -1 for a bad handle or bad arguments.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable `i64`s. */
int64_t rt_torch_tensor_shape(int64_t tensor, int64_t *out, int64_t cap);

/* Number of dimensions; -1 for a bad handle. */
int64_t rt_torch_tensor_ndim(int64_t tensor);

/* Number of elements; -1 for a bad handle. */
int64_t rt_torch_tensor_numel(int64_t tensor);

/* dtype number (0 f32, 1 f64, 2 i64); -1 for a bad handle. */
int64_t rt_torch_tensor_dtype(int64_t tensor);

/* The element at some indices (negative ones count from the end); NaN if there is none.
 *
 * Safety:
 * `indices` must be null or point to `count` readable `i64`s. */
double rt_torch_tensor_get(int64_t tensor, const int64_t *indices, int64_t count);

/* Sets the element at some indices. False if there is none. Results that were made of the tensor
 * stay what they are, and so do their gradients.
 *
 * Safety:
 * `indices` must be null or point to `count` readable `i64`s. */
bool rt_torch_tensor_set(int64_t tensor, const int64_t *indices, int64_t count, double value);

/* The number in a tensor of one element; NaN for any other, and for a bad handle. */
double rt_torch_tensor_item(int64_t tensor);

/* Sum of two tensors, element by element with broadcasting; 0 if the shapes do not fit.
 *
 * The result is f64 if either is, else f32 if either is, else i64 (which wraps); so for all
 * functions of two tensors. */
int64_t rt_torch_tensor_add(int64_t a, int64_t b);

/* Difference of two tensors; see `rt_torch_tensor_add`. */
int64_t rt_torch_tensor_sub(int64_t a, int64_t b);

/* Product of two tensors, element by element; see `rt_torch_tensor_add`. */
int64_t rt_torch_tensor_mul(int64_t a, int64_t b);

/* Quotient of two tensors, element by element, f64 if both are i64; see `rt_torch_tensor_add`. */
int64_t rt_torch_tensor_div(int64_t a, int64_t b);

/* Matrix product. A vector on the left is a row, one on the right a column, and leading
 * dimensions are batches that broadcast. 0 if the shapes do not fit, and for more than 2^33
 * multiplications. */
int64_t rt_torch_tensor_matmul(int64_t a, int64_t b);

/* Sum of all elements as a tensor without dimensions; 0 for a bad handle. */
int64_t rt_torch_tensor_sum(int64_t tensor);

/* Mean of all elements (NaN if there are none) as a tensor without dimensions; 0 for a bad handle. */
int64_t rt_torch_tensor_mean(int64_t tensor);

/* The largest element (NaN if any is) as a tensor without dimensions; 0 for a bad handle and for
 * a tensor without elements. */
int64_t rt_torch_tensor_max(int64_t tensor);

/* Each element, or zero where it is negative; NaN stays NaN. 0 for a bad handle. */
int64_t rt_torch_tensor_relu(int64_t tensor);

/* Each element negated; 0 for a bad handle. */
int64_t rt_torch_tensor_neg(int64_t tensor);

/* A tensor of its own with the same elements in another shape. One extent may be -1: it is worked
 * out. 0 if the number of elements is not the same.
 *
 * Safety:
 * `shape` must be null or point to `ndim` readable `i64`s. */
int64_t rt_torch_tensor_reshape(int64_t tensor, const int64_t *shape, int64_t ndim);

/* A tensor of its own with two axes exchanged (negative ones count from the end); 0 if there are
 * no such axes. */
int64_t rt_torch_tensor_transpose(int64_t tensor, int64_t first, int64_t second);

/* Copies the elements in row-major order to `out`, as many as `cap` leaves room for, and returns
 * their number; -1 for a bad handle or bad arguments.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable `f64`s. */
int64_t rt_torch_tensor_to_data(int64_t tensor, double *out, int64_t cap);

/* e to the power of each element; 0 for a bad handle. Integers become f64, here and below. */
int64_t rt_torch_tensor_exp(int64_t tensor);

/* The natural logarithm of each element, minus infinity for 0, NaN below; 0 for a bad handle. */
int64_t rt_torch_tensor_log(int64_t tensor);

/* The hyperbolic tangent of each element; 0 for a bad handle. */
int64_t rt_torch_tensor_tanh(int64_t tensor);

/* 1 / (1 + e^-x) of each element; 0 for a bad handle. */
int64_t rt_torch_tensor_sigmoid(int64_t tensor);

/* The square root of each element, NaN below zero; 0 for a bad handle. */
int64_t rt_torch_tensor_sqrt(int64_t tensor);

/* The absolute value of each element (integers stay integers, and the smallest one stays what
 * it is); 0 for a bad handle. The gradient at 0 is 0. */
int64_t rt_torch_tensor_abs(int64_t tensor);

/* Not available: 0. */
int64_t rt_torch_tensor_pow(int64_t tensor, double exponent);

/* Not available: 0. */
int64_t rt_torch_tensor_sum_axis(int64_t tensor, int64_t axis, bool keep);

/* Not available: 0. */
int64_t rt_torch_tensor_mean_axis(int64_t tensor, int64_t axis, bool keep);

/* Not available: 0. */
int64_t rt_torch_tensor_argmax(int64_t tensor, int64_t axis);

/* Not available: 0. */
int64_t rt_torch_tensor_softmax(int64_t tensor, int64_t axis);

/* Not available: 0. */
int64_t rt_torch_tensor_log_softmax(int64_t tensor, int64_t axis);

/* Not available: 0. */
int64_t rt_torch_tensor_cast(int64_t tensor, int64_t dtype);

/* Not available: 0. */
int64_t rt_torch_tensor_slice(int64_t tensor, int64_t axis, int64_t start, int64_t stop, int64_t step);

/* Not available: 0. */
int64_t rt_torch_tensor_conv2d(int64_t images, int64_t kernels, int64_t bias, int64_t stride, int64_t padding);

/* Not available: 0. */
int64_t rt_torch_tensor_from_ints(const int64_t *data, int64_t count, const int64_t *shape, int64_t ndim);

/* Not available: -1. */
int64_t rt_torch_tensor_to_ints(int64_t tensor, int64_t *out, int64_t cap);

/* Not available: 0. */
int64_t rt_torch_tensor_rand(const int64_t *shape, int64_t ndim, int64_t seed, int64_t dtype);

/* Not available: 0. */
int64_t rt_torch_tensor_randn(const int64_t *shape, int64_t ndim, int64_t seed, int64_t dtype);

/* Not available: 0. */
int64_t rt_torch_tensor_cat(const int64_t *tensors, int64_t count, int64_t axis);

/* ----------------------------------------------------------------------
 * PyTorch: autograd
 * ---------------------------------------------------------------------- */

/* Says whether backward passes shall leave a gradient at this tensor. False for a bad handle, for
 * integers, and for a result that has gradients because of its inputs. */
bool rt_torch_set_requires_grad(int64_t tensor, bool wanted);

/* Whether gradients flow into or through the tensor; false for a bad handle. */
bool rt_torch_requires_grad(int64_t tensor);

/* Adds to the gradient of each tensor that requires one, and that this one was made of, the
 * derivative of this one by it. May be done again; then everything is added again.
 *
 * False for a bad handle, a tensor of more or less than one element, and one that requires no
 * gradient. */
bool rt_torch_backward(int64_t tensor);

/* As `rt_torch_backward`, for a tensor of any shape, given the gradient `seed` of this shape of
 * something that was made of it. False if the shapes differ. */
bool rt_torch_backward_from(int64_t tensor, int64_t seed);

/* The gradient that backward passes left at a tensor, as a tensor of its own; 0 if there is none,
 * and for a bad handle. */
int64_t rt_torch_grad(int64_t tensor);

/* Forgets the gradient at a tensor; false for a bad handle. */
bool rt_torch_zero_grad(int64_t tensor);

/* Says whether the results of this thread shall have no history from now on; returns whether that
 * was so before. */
bool rt_torch_no_grad_set(bool off);

/* Whether the results of this thread have no history; see `rt_torch_no_grad_set`. */
bool rt_torch_no_grad_get(void);

/* ----------------------------------------------------------------------
 * PyTorch: layers
 * ---------------------------------------------------------------------- */

/* Runs a tensor through a layer; 0 for a bad handle or a shape that does not fit. Linear layers
 * take `[…, in]`, convolutions `[N, C, H, W]`, batch norms `[N, C, …]`, layer norms
 * `[…, features]`, dropouts anything but integers, embeddings integers of any shape, recurrent
 * layers `[steps, N, in]` with at most 4,096 steps (the hidden state begins as zeros). */
int64_t rt_torch_layer_forward(int64_t layer, int64_t input);

/* Writes the handles of the parameters, as many as `cap` leaves room for, and returns how many
 * there are; -1 for a bad handle or bad arguments. They belong to the layer and go with it.
 *
 * Safety:
 * `out` must be null (with `cap` 0) or point to `cap` writable `i64`s. */
int64_t rt_torch_layer_parameters(int64_t layer, int64_t *out, int64_t cap);

/* Says whether a layer learns (so it begins) or is put to use: dropout and batch norm then do
 * other things. False for a bad handle. */
bool rt_torch_layer_set_training(int64_t layer, bool training);

/* Frees a layer and the handles of its parameters; results that were made with them keep the
 * parameters themselves. False if it is not (or no longer) one. */
bool rt_torch_layer_free(int64_t layer);

/* Makes a layer that computes `x · weightᵀ + bias`. Parameters: weight `[outputs, inputs]` and,
 * if wanted, bias `[outputs]`, evenly spread within ±1/√inputs. 0 for bad counts or a bad dtype. */
int64_t rt_torch_linear_new(int64_t inputs, int64_t outputs, bool with_bias, int64_t seed, int64_t dtype);

/* Makes a layer of `rt_torch_tensor_conv2d` with square kernels. Parameters: kernels
 * `[filters, channels, size, size]` and bias `[filters]`, evenly spread within
 * ±1/√(channels · size²). 0 for bad counts, a stride below 1, negative padding or a bad dtype. */
int64_t rt_torch_conv2d_new(int64_t channels, int64_t filters, int64_t size, int64_t stride, int64_t padding, int64_t seed, int64_t dtype);

/* Makes a layer that gives each channel mean 0 and variance 1, then applies a gain (parameter 1,
 * all ones) and a bias (parameter 2, zeros). While it learns it takes the statistics of the batch,
 * of which there must be at least two numbers a channel, and keeps running ones for later use. 0
 * for a bad count or dtype. */
int64_t rt_torch_batch_norm_new(int64_t channels, int64_t dtype);

/* Makes a layer that gives each row of the last axis mean 0 and variance 1, then applies a gain
 * and a bias; see `rt_torch_batch_norm_new`. */
int64_t rt_torch_layer_norm_new(int64_t features, int64_t dtype);

/* The running means (0) or variances (1) of a batch norm, as a tensor of its own; 0 for any other
 * layer or number. */
int64_t rt_torch_batch_norm_stat(int64_t layer, int64_t which);

/* Makes a layer without parameters that, while it learns, sets each element to zero with
 * probability `rate` and multiplies the others by 1 / (1 - rate); in use it gives a second handle
 * of the input itself. The same seed gives the same choices. 0 unless the rate is within 0 to 1. */
int64_t rt_torch_dropout_new(double rate, int64_t seed);

/* Makes a layer that looks up rows by their numbers: its parameter is a table `[count, width]` of
 * numbers of the normal distribution. A number that is no row makes
 * `rt_torch_layer_forward` give 0. 0 for bad counts or a bad dtype. */
int64_t rt_torch_embedding_new(int64_t count, int64_t width, int64_t seed, int64_t dtype);

/* Makes a recurrent layer: `h' = tanh(x · Wᵀ + b + h · Uᵀ + c)`. Parameters: W `[hidden, inputs]`,
 * b `[hidden]`, U `[hidden, hidden]`, c `[hidden]`, evenly spread within ±1/√hidden. 0 for bad
 * counts or a bad dtype. */
int64_t rt_torch_rnn_new(int64_t inputs, int64_t hidden, int64_t seed, int64_t dtype);

/* One step of a recurrent layer, from an input `[N, inputs]` and a hidden state `[N, hidden]` to
 * the next hidden state. 0 for a bad handle, another kind of layer, or shapes that do not fit. */
int64_t rt_torch_rnn_step(int64_t layer, int64_t input, int64_t hidden);

/* ----------------------------------------------------------------------
 * PyTorch: losses
 * ---------------------------------------------------------------------- */

/* The mean of the squared differences, as a tensor without dimensions; 0 for a bad handle or
 * shapes that differ. */
int64_t rt_torch_loss_mse(int64_t output, int64_t target);

/* The mean, over `[N, classes]` rows of scores, of minus the logarithm of the softmax at the right
 * class, of which `target` has the numbers `[N]` as i64. 0 for a bad handle, shapes that do not
 * fit, or a number that is no class. */
int64_t rt_torch_loss_cross_entropy(int64_t scores, int64_t target);

/* ----------------------------------------------------------------------
 * PyTorch: optimisers
 * ---------------------------------------------------------------------- */

/* Makes an optimiser that goes down the gradient (with `decay` times the parameter added to it),
 * and a part `momentum` (0 to below 1) of the last step further.
 *
 * 0 if one of the parameters (at most 4,096) is none, is there twice, is a result, or requires no
 * gradient, or if a number is NaN, infinite, negative or out of its range.
 *
 * Safety:
 * `parameters` must be null or point to `count` readable `i64`s. */
int64_t rt_torch_sgd_new(const int64_t *parameters, int64_t count, double rate, double momentum, double decay);

/* Makes an Adam optimiser; usual numbers are 0.001, 0.9, 0.999 and 1e-8. 0 for bad arguments, see
 * `rt_torch_sgd_new`; both betas are within 0 to below 1.
 *
 * Safety:
 * `parameters` must be null or point to `count` readable `i64`s. */
int64_t rt_torch_adam_new(const int64_t *parameters, int64_t count, double rate, double beta1, double beta2, double eps);

/* Makes an RMSprop optimiser; usual numbers are 0.01, 0.99 and 1e-8. 0 for bad arguments, see
 * `rt_torch_sgd_new`; alpha is within 0 to below 1.
 *
 * Safety:
 * `parameters` must be null or point to `count` readable `i64`s. */
int64_t rt_torch_rmsprop_new(const int64_t *parameters, int64_t count, double rate, double alpha, double eps);

/* Changes the parameters by their gradients; those without one stay. False for a bad handle. */
bool rt_torch_optim_step(int64_t optim);

/* Forgets the gradients of all parameters; false for a bad handle. See `rt_torch_zero_grad`. */
bool rt_torch_optim_zero_grad(int64_t optim);

/* Sets the learning rate and returns the one before; NaN for a bad handle or rate. */
double rt_torch_optim_set_rate(int64_t optim, double rate);

/* Frees an optimiser, not the parameters. False if it is not (or no longer) one. */
bool rt_torch_optim_free(int64_t optim);

/* ----------------------------------------------------------------------
 * PyTorch: traces
 * ---------------------------------------------------------------------- */

/* Begins a trace on this thread, of what is made of these tensors (at most 4,096, each once). A
 * trace that was begun before is forgotten, also if this one cannot begin: false for bad handles.
 *
 * Safety:
 * `inputs` must be null or point to `count` readable `i64`s. */
bool rt_torch_jit_trace_begin(const int64_t *inputs, int64_t count);

/* Ends the trace of this thread and makes a module that gives these tensors (at least one).
 * Operations that do not lead to them are left out. 0 if there is no trace, for bad handles (the
 * trace is over then, too), and if more than 65,536 operations were applied.
 *
 * What a layer drew by lot or counted is not traced: its outcome is part of the module.
 *
 * Safety:
 * `outputs` must be null or point to `count` readable `i64`s. */
int64_t rt_torch_jit_trace_end(const int64_t *outputs, int64_t count);

/* Runs a module on other inputs, and writes handles of its outputs if `cap` leaves room for all of
 * them. How many there are; -1 for a bad handle, a wrong number of inputs, inputs on which an
 * operation cannot be done, or bad arguments. With `cap` 0 nothing is run.
 *
 * Safety:
 * `inputs` must be null or point to `count` readable `i64`s, `out` must be null (with `cap` 0) or
 * point to `cap` writable `i64`s. */
int64_t rt_torch_jit_run(int64_t module, const int64_t *inputs, int64_t count, int64_t *out, int64_t cap);

/* Number of operations in a module; -1 for a bad handle. */
int64_t rt_torch_jit_op_count(int64_t module);

/* Frees a module. False if it is not (or no longer) one. */
bool rt_torch_jit_free(int64_t module);

/* ----------------------------------------------------------------------
 * PyTorch: ONNX
 * ---------------------------------------------------------------------- */

/* A module as the bytes of an ONNX model, in the way of functions that fill a buffer; -1 for a bad
 * handle, a model of more than 1 GiB, or bad arguments.
 *
 * Shapes are those that were traced. Captured tensors are written with what is in them now.
 *
 * Safety:
 * `out` is null or valid for writes of `cap` bytes. */
int64_t rt_torch_onnx_export(int64_t module, uint8_t *out, int64_t cap);

/* Writes the bytes of `rt_torch_onnx_export` to a file. False, with the error recorded, if that
 * cannot be.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes. */
bool rt_torch_onnx_save(int64_t module, const uint8_t *path, int64_t len);

/* ----------------------------------------------------------------------
 * PyTorch: files of tensors
 * ---------------------------------------------------------------------- */

/* Saves tensors (at most 4,096, and 1 GiB) to a file, which is replaced if it is there. False,
 * with the error recorded, for bad handles or if the file cannot be written.
 *
 * Safety:
 * `tensors` must be null or point to `count` readable `i64`s, `path` is null or valid for reads of
 * `len` bytes. */
bool rt_torch_save(const int64_t *tensors, int64_t count, const uint8_t *path, int64_t len);

/* Loads the tensors of a file of `rt_torch_save`, and writes their handles if `cap` leaves room
 * for all of them. How many there are; -1, with the error recorded, if the file cannot be read or
 * is damaged, and for bad arguments.
 *
 * Safety:
 * `path` is null or valid for reads of `len` bytes, `out` must be null (with `cap` 0) or point to
 * `cap` writable `i64`s. */
int64_t rt_torch_load(const uint8_t *path, int64_t len, int64_t *out, int64_t cap);

/* ----------------------------------------------------------------------
 * PyTorch: data sets
 * ---------------------------------------------------------------------- */

/* Makes a data set of two tensors with equally many rows, as they are now; 0 for bad handles or
 * if the first axes differ. */
int64_t rt_torch_dataset_new(int64_t features, int64_t targets);

/* Number of examples; -1 for a bad handle. */
int64_t rt_torch_dataset_len(int64_t dataset);

/* Frees a data set; loaders that go through it keep what they need. False if it is not (or no
 * longer) one. */
bool rt_torch_dataset_free(int64_t dataset);

/* Makes a loader that goes through a data set in batches, in another order in each epoch if it
 * shall shuffle: the same seed gives the same orders. The last batch may be smaller, or is left
 * out if `drop_last` is set. 0 for a bad handle or a batch of less than one example. */
int64_t rt_torch_dataloader_new(int64_t dataset, int64_t batch, bool shuffle, int64_t seed, bool drop_last);

/* Number of batches in an epoch; -1 for a bad handle. */
int64_t rt_torch_dataloader_batches(int64_t loader);

/* Writes the handles of the features and of the targets of the next batch, and returns how many
 * examples are in it; 0 at the end of an epoch (see `rt_torch_dataloader_reset`), -1 for a bad
 * handle or if one of the pointers is null.
 *
 * Safety:
 * Both pointers must be null or point to a writable `i64`. */
int64_t rt_torch_dataloader_next(int64_t loader, int64_t *features, int64_t *targets);

/* Begins the next epoch; false for a bad handle. */
bool rt_torch_dataloader_reset(int64_t loader);

/* Frees a loader. False if it is not (or no longer) one. */
bool rt_torch_dataloader_free(int64_t loader);

/* ----------------------------------------------------------------------
 * PyTorch: collectives
 * ---------------------------------------------------------------------- */

/* Makes a group of 1 to 1,024 ranks, each of them a thread. A rank that waits longer than
 * `timeout_ms` for the others gives up; a negative number is for ever. 0 for a bad number of ranks.
 *
 * In each collective all ranks take part, with tensors of one shape and dtype: a rank that does
 * something else makes it fail for all. */
int64_t rt_torch_dist_group_new(int64_t ranks, int64_t timeout_ms);

/* Number of ranks; -1 for a bad handle. */
int64_t rt_torch_dist_size(int64_t group);

/* Waits until all ranks are here; false for a bad handle or rank, or if the collective fails. */
bool rt_torch_dist_barrier(int64_t group, int64_t rank);

/* Puts the sum (`op` 0), product (1), smallest (2) or largest (3) of the elements of all ranks into
 * the tensor of each rank, the same to the last bit. False for a bad handle, rank or op, or if the
 * collective fails. */
bool rt_torch_dist_all_reduce(int64_t group, int64_t rank, int64_t tensor, int64_t op);

/* Puts the elements of the tensor of rank `root` into those of all ranks. False for a bad handle
 * or rank, or if the collective fails. */
bool rt_torch_dist_broadcast(int64_t group, int64_t rank, int64_t tensor, int64_t root);

/* The tensors of all ranks in one, with a new first axis that counts the ranks. 0 for a bad handle
 * or rank, for a result of more than 8 dimensions or 2^24 elements, or if the collective fails. */
int64_t rt_torch_dist_all_gather(int64_t group, int64_t rank, int64_t tensor);

/* Frees a group; ranks that wait give up. False if it is not (or no longer) one. */
bool rt_torch_dist_group_free(int64_t group);

/* ----------------------------------------------------------------------
 * Concurrent: stack
 * ---------------------------------------------------------------------- */

/* Makes an empty stack that may be used from several threads at once. */
int64_t rt_stack_new(void);

/* Puts a value on top. False for a bad handle. */
bool rt_stack_push(int64_t handle, RuntimeValue value);

/* Takes the top value off; nil if there is none, and for a bad handle. */
RuntimeValue rt_stack_pop(int64_t handle);

/* The top value, left where it is; nil if there is none, and for a bad handle. */
RuntimeValue rt_stack_peek(int64_t handle);

/* Number of values on the stack; -1 for a bad handle. */
int64_t rt_stack_len(int64_t handle);

/* Frees a stack. False if it is not (or no longer) one. */
bool rt_stack_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Actors
 * ---------------------------------------------------------------------- */

/* Starts an actor: a thread of its own with a mailbox, which runs `body` with the actor's handle
 * and `argument`. The actor lives until the body returns. Returns 0 for a null body and if no
 * thread can be made. */
int64_t rt_actor_spawn(RuntimeValue (*body)(int64_t, RuntimeValue), RuntimeValue argument);

/* Puts a message into an actor's mailbox and returns at once; messages of one sender arrive in
 * their order. False if the actor has ended or the handle is bad. */
bool rt_actor_send(int64_t handle, RuntimeValue message);

/* The oldest message to the actor that this thread runs, waiting up to `timeout_ms` for one
 * (negative: as long as it takes, which is for ever if nobody sends one; 0: not at all).
 *
 * Nil is either a message or, with an error recorded, none: `index` when the time is up,
 * `argument` on a thread that is no actor's. */
RuntimeValue rt_actor_recv(int64_t timeout_ms);

/* What the body of an actor returned, waiting up to `timeout_ms` for its end (negative: as long
 * as it takes, for ever if it does not end). Then the actor is freed and the handle stale.
 *
 * Nil, with the error recorded, when the time is up (`index`; the handle stays good), for a bad
 * handle, and for an actor that would wait for itself. Two actors that wait for one another
 * without limit wait for ever. */
RuntimeValue rt_actor_join(int64_t handle, int64_t timeout_ms);

/* The number of an actor, which no other actor or thread of this process ever has, counted from
 * 1; -1 for a bad handle. */
int64_t rt_actor_id(int64_t handle);

/* Whether the body of the actor has not returned yet; false for a bad handle. */
bool rt_actor_is_alive(int64_t handle);

/* ----------------------------------------------------------------------
 * Pools
 * ---------------------------------------------------------------------- */

/* Makes a pool of `count` blocks of `block_size` bytes each. Returns 0 if either is not positive,
 * there are more than 1,048,576 blocks or 1 GiB, or there is no memory. */
int64_t rt_pool_new(int64_t block_size, int64_t count);

/* Takes a block out of the pool: zeroed, aligned to 16. Null if none is left or the handle is bad. */
uint8_t *rt_pool_acquire(int64_t handle);

/* Gives a block back. False if the pointer is not the start of a block that is out (foreign, null,
 * or released before) or the handle is bad. */
bool rt_pool_release(int64_t handle, uint8_t *block);

/* Number of blocks that can still be acquired; -1 for a bad handle. */
int64_t rt_pool_available(int64_t handle);

/* Number of blocks in all; -1 for a bad handle. */
int64_t rt_pool_capacity(int64_t handle);

/* Frees a pool with all its blocks, those that are out included. False if it is not (or no
 * longer) one. */
bool rt_pool_free(int64_t handle);

/* ----------------------------------------------------------------------
 * Concurrent: thread-local slots
 * ---------------------------------------------------------------------- */

/* Makes a slot that has a value of its own in each thread, `initial` until it is set there. */
int64_t rt_tls_new(RuntimeValue initial);

/* Sets this thread's value. False for a bad handle. */
bool rt_tls_set(int64_t handle, RuntimeValue value);

/* This thread's value, or the initial one; nil for a bad handle. */
RuntimeValue rt_tls_get(int64_t handle);

/* Whether this thread has set a value of its own. */
bool rt_tls_has(int64_t handle);

/* Forgets this thread's value. True if there was one. */
bool rt_tls_clear(int64_t handle);

/* Frees a slot in all threads. False if it is not (or no longer) one. */
bool rt_tls_free(int64_t handle);

/* Writes the SHA-1 of `len` bytes to `out` as 40 hexadecimal digits, in one call. Returns 40, or
 * -1 for bad arguments.
 *
 * Safety:
 * `data` must be null or point to `len` readable bytes, `out` to `cap` writable ones. */
int64_t rt_sha1_hex(const uint8_t *data, int64_t len, uint8_t *out, int64_t cap);

/* Writes the SHA-256 of `len` bytes to `out` as 64 hexadecimal digits, in one call. Returns 64, or
 * -1 for bad arguments.
 *
 * Safety:
 * `data` must be null or point to `len` readable bytes, `out` to `cap` writable ones. */
int64_t rt_sha256_hex(const uint8_t *data, int64_t len, uint8_t *out, int64_t cap);

/* Greatest common divisor, never negative; 0 of two zeros. `i64::MIN` if it does not fit (which
 * only 2^63 does not). */
int64_t rt_math_gcd(int64_t a, int64_t b);

/* Least common multiple, never negative; `i64::MIN` if it does not fit. */
int64_t rt_math_lcm(int64_t a, int64_t b);

#ifdef __cplusplus
}
#endif

#endif /* NATIVE_REF_H */
