"""The HTTP surface that Langfuse's SDKs speak; what they send is stored with our services."""
