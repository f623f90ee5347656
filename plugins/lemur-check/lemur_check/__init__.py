"""Check nets that machines, or strangers, write; write recorded code to teach machines with."""
