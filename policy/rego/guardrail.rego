# Guardrails of the platform: they come on top of every tenant's rules, and a denial here overrides any grant.
#
# Input is complete (the time and the verified claims are in it), so that a decision can be replayed:
#   now        RFC 3339 time
#   action     "read", "delete", "dsr.execute", ...
#   resource   {type, governed, personal, purposes: [allowed purposes]}
#   purpose    declared purpose or null
#   principal  {kind, assurance: {level, methods, ageSeconds or null}}
# No result at all (an incomplete input) is a denial as well; the caller sees to that.
package gatehouse.guardrail

personal_actions := {"read", "export"}

destructive_actions := {"delete", "crypto.shred", "crypto.rotate", "dsr.execute"}

# Whether any guardrail concerns this action on this type. It may look at `action` and `resource` alone: the caller
# remembers the answer for (action, type) and skips `decision` when it is false, which `decision` itself makes equal.
default applies := false

applies if touches_personal_data

applies if destroys

decision := {"deny": [], "obligations": []} if not applies

decision := {"deny": deny, "obligations": obligations} if {
	applies
	complete
}

complete if {
	is_string(input.now)
	is_string(input.principal.kind)
	is_number(input.principal.assurance.level)
	is_array(input.resource.purposes)
	known_purpose
	known_age
}

known_purpose if is_string(input.purpose)

known_purpose if is_null(input.purpose)

known_age if is_number(input.principal.assurance.ageSeconds)

known_age if is_null(input.principal.assurance.ageSeconds)

touches_personal_data if {
	input.resource.personal == true
	input.action in personal_actions
}

destroys if {
	input.resource.governed == true
	input.action in destructive_actions
}

weakly_assured if {
	# Machines prove their key and have no second factor to step up to.
	input.principal.kind != "service_account"
	input.principal.kind != "system"
	input.principal.assurance.level < 2
}

deny contains {
	"code": "ERR_POLICY_PURPOSE_REQUIRED",
	"message": "reading personal data needs a declared purpose; send one that the data map allows",
} if {
	touches_personal_data
	is_null(input.purpose)
}

deny contains {
	"code": "ERR_POLICY_PURPOSE_NOT_ALLOWED",
	"message": "the declared purpose is not one that the data map allows here",
} if {
	touches_personal_data
	is_string(input.purpose)
	not input.purpose in input.resource.purposes
}

deny contains {
	"code": "ERR_POLICY_ASSURANCE",
	"message": "destroying needs authenticator assurance level 2; authenticate again with a second factor",
} if {
	destroys
	weakly_assured
}

deny contains {
	"code": "ERR_POLICY_GUARDRAIL",
	"message": "the sign-in lies in the future; one of the clocks is wrong",
} if {
	destroys
	is_number(input.principal.assurance.ageSeconds) # null sorts below every number
	input.principal.assurance.ageSeconds < -60
}

obligations contains {
	"id": "assurance-level-2",
	"type": "step_up",
	"properties": {"level": 2},
} if {
	destroys
	weakly_assured
}
